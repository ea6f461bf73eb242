import { gemms, products } from "./cases/matmul.ts";
import { testCases } from "./check-case.ts";
import { forced, software } from "./variant.ts";

const variants = [software, forced("direct"), forced("quad"), forced("tiled"), forced("tiled128"), forced("split")];

testCases("MatMul", products, variants);
testCases("Gemm", gemms, variants);
