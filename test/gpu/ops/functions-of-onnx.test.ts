import { choices, functions, powers } from "./cases/functions.ts";
import { testCases } from "./check-case.ts";

testCases("functions", functions);
testCases("powers", powers);
testCases("choices", choices);
