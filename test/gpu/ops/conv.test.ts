import { convolution, transposed } from "./cases/conv.ts";
import { testCases } from "./check-case.ts";
import { forced, software, withoutSubgroups } from "./variant.ts";

const variants = [
  software,
  withoutSubgroups,
  forced("direct"),
  forced("strip"),
  forced("quad"),
  forced("tiled"),
  forced("tiled128"),
  forced("split"),
  forced("depthwise"),
];

testCases("Conv", convolution, variants);
testCases("ConvTranspose", transposed, variants);
