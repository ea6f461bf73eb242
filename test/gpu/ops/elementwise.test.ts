import { binary, extrema, special, unary } from "./cases/elementwise.ts";
import { testCases } from "./check-case.ts";

testCases("unary", unary);
testCases("binary", binary);
testCases("extrema and powers", extrema);
testCases("element-wise graphs", special);
