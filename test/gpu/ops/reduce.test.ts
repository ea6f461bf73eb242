import { normalisation, reductions, softmax } from "./cases/reduce.ts";
import { testCases } from "./check-case.ts";
import { forced, software } from "./variant.ts";

const variants = [software, forced("tiled")];

testCases("reductions", reductions, variants);
testCases("Softmax", softmax, variants);
testCases("BatchNormalization", normalisation, variants);
