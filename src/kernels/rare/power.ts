/** Pow with an exponent that varies, and its slopes by base and by exponent. */
import powSource from "../../../shaders/elementwise/functions/pow.wgsl?raw";
import powExponentSlopeSource from "../../../shaders/elementwise/functions/pow_exponent_slope.wgsl?raw";
import powSlopeSource from "../../../shaders/elementwise/functions/pow_slope.wgsl?raw";
import exponentialSource from "../../../shaders/lib/exponential.wgsl?raw";
import powerLibrarySource from "../../../shaders/lib/power.wgsl?raw";
import { defineBinary, sum } from "../binary.ts";
import type { BinaryFunction } from "../binary.ts";
import type { OpDefinition } from "../op.ts";

/** x^p as IEEE 754 has it: 1 to any power is 1, and so is −1 to an infinite one. JavaScript makes NaN of these. */
export const power = (x: number, p: number): number => (x === 1 || (x === -1 && Math.abs(p) === Infinity) ? 1 : x ** p);

const powerLibraries = [exponentialSource, powerLibrarySource];

const functions: readonly BinaryFunction[] = [
  {
    name: "Pow",
    source: powSource,
    libraries: powerLibraries,
    evaluate: power,
    onnx: {}, // Imported by importPow (rare-unary.ts), which comes here for exponents that vary.
    vjp: ({ node, emit }, dy, [needsA, needsB]) => [
      needsA ? emit.add("Mul", [dy, emit.add("PowSlope", node.inputs)]) : undefined,
      needsB ? emit.add("Mul", [dy, emit.add("PowExponentSlope", node.inputs)]) : undefined,
    ],
    jvp: ({ node, emit }, da, db) =>
      sum(
        emit,
        da && emit.add("Mul", [da, emit.add("PowSlope", node.inputs)]),
        db && emit.add("Mul", [db, emit.add("PowExponentSlope", node.inputs)]),
      ),
  },
  {
    name: "PowSlope",
    source: powSlopeSource,
    libraries: powerLibraries,
    evaluate: (a, b) => (b === 0 ? 0 : b * power(a, b - 1)),
    onnx: {},
  },
  {
    name: "PowExponentSlope",
    source: powExponentSlopeSource,
    libraries: powerLibraries,
    evaluate: (a, b) => (a === 0 && b >= 0 ? 0 : power(a, b) * Math.log(a)),
    onnx: {},
  },
];

export const powerOps: readonly OpDefinition[] = functions.map(defineBinary);
