import { affine, gelu, standardised } from "./cases/normalisation.ts";
import { testCases } from "./check-case.ts";

testCases("layer normalisation", standardised);
testCases("GELU", gelu);
testCases("affine maps", affine);
