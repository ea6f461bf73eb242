import { extremes, gathers } from "./cases/gathering.ts";
import { testCases } from "./check-case.ts";
import { forced, software } from "./variant.ts";

testCases("extremes", extremes, [software, forced("tiled")]);
testCases("gathers", gathers);
