import { averages, globals, maxima } from "./cases/pool.ts";
import { testCases } from "./check-case.ts";
import { gpu, software } from "./variant.ts";

const variants = [software, gpu];

testCases("MaxPool", maxima, variants);
testCases("AveragePool", averages, variants);
testCases("GlobalAveragePool", globals, variants);
