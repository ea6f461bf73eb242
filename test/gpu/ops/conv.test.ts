import { convolution, transposed } from "./cases/conv.ts";
import { testCases } from "./check-case.ts";
import { convVariants } from "./variant.ts";

testCases("Conv", convolution, convVariants);
testCases("ConvTranspose", transposed, convVariants);
