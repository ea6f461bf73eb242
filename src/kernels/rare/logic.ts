/** Functions of two truth values. */
import maxSource from "../../../shaders/elementwise/functions/max.wgsl?raw";
import minSource from "../../../shaders/elementwise/functions/min.wgsl?raw";
import xorSource from "../../../shaders/elementwise/functions/xor.wgsl?raw";
import { defineBinary, relation } from "../binary.ts";
import type { OpDefinition } from "../op.ts";

// Truth values are 0 and 1.
export const logicOps: readonly OpDefinition[] = [
  relation("And", minSource, (a, b) => a !== 0 && b !== 0),
  relation("Or", maxSource, (a, b) => a !== 0 || b !== 0),
  relation("Xor", xorSource, (a, b) => (a !== 0) !== (b !== 0)),
].map(defineBinary);
