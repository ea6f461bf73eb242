import { concats, pads, reshapes, slices, transposes } from "./cases/movement.ts";
import { testCases } from "./check-case.ts";

testCases("Reshape and its kin", reshapes);
testCases("Transpose", transposes);
testCases("Slice", slices);
testCases("Pad", pads);
testCases("Concat", concats);
