import { binary, special, unary } from "./cases/elementwise.ts";
import { testCases } from "./check-case.ts";

testCases("unary", unary);
testCases("binary", binary);
testCases("element-wise graphs", special);
