import { gemms, products } from "./cases/matmul.ts";
import { testCases } from "./check-case.ts";
import { productVariants } from "./variant.ts";

testCases("MatMul", products, productVariants);
testCases("Gemm", gemms, productVariants);
