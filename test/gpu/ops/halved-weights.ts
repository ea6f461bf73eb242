/** A network as it is when the GPU stores its weights as f16. */
import { FLOAT16, SMALL_FLOATS } from "../../../src/kernels/element-types.ts";
import { roundToSmallFloat } from "../../../src/kernels/rare/rounding.ts";
import type { TestConstant, TestModel } from "../../reference/model.ts";

const HALF = SMALL_FLOATS[FLOAT16]!;

/** Ops whose second input is stored as f16 where it is a constant. */
const OPS = /^(Conv|ConvTranspose|MatMul|Gemm)$/;

/** Names of the constants that convolutions and products have for weights. */
export function weightsOf({ nodes, constants }: TestModel): string[] {
  return nodes.flatMap(({ op, inputs: [, second] }) => (OPS.test(op) && second && constants[second] ? [second] : []));
}

/** The network whose weights are rounded to f16; everything else, biases too, is as it was. */
export function withHalvedWeights(model: TestModel): TestModel {
  const halved = weightsOf(model).map((name): [string, TestConstant] => {
    const constant = model.constants[name]!;
    return [name, { ...constant, data: Float32Array.from(constant.data, (x) => roundToSmallFloat(x, HALF, false)) }];
  });
  return { ...model, constants: { ...model.constants, ...Object.fromEntries(halved) } };
}
