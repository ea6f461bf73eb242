/** What is measured of a real network: its forward pass against onnxruntime-web, its derivatives against differences. */
import { readFileSync } from "node:fs";
import onnxProto from "onnx-proto";
import type { Engine, Model, NdArray } from "../../src/index.ts";
import { dot, norm, randomArray, relativeError } from "../gpu/numbers.ts";
import type { OrtReference } from "../gpu/onnxruntime.ts";
import { numericTangent } from "../reference/derivative.ts";
import { hasReference } from "../reference/evaluate.ts";
import type { TestModel } from "../reference/model.ts";
import { readModel } from "../reference/onnx-reader.ts";
import type { IndexedModel } from "./shared-data.ts";

/** Extents for axes that the files leave open. */
export const dimensions = { "p2o.DynamicDimension.1": 48, "p2o.DynamicDimension.2": 192 };

/** Noise leaves none of its ReLUs active, so that its output would be a constant: it sees digits. */
const SEES_DIGITS = "mnist/vnncomp21_mnist-net_256x2.onnx";
const digits = new URL("../../models/mnist-digits.bin", import.meta.url);

/** n inputs of a model: random numbers in [0, 1), [n, ...]. */
function samples({ name, inputs }: Model, n: number, seed: number): NdArray {
  const shape = [n, ...inputs[0]!.shape];
  if (name !== SEES_DIGITS) return randomArray(shape, seed, 0, 1);
  return { shape, data: Float32Array.from(readFileSync(digits).subarray(0, n * 784), (byte) => byte / 255) };
}

/** The worst relative l2 error over a model's outputs on n samples. */
export async function forwardError(model: Model, ort: OrtReference, { input }: IndexedModel, n: number): Promise<number> {
  const port = model.inputs[0]!;
  const x = samples(model, n, 7 + n);
  const mine = await model.run({ [port.name]: x });
  const frozen = typeof input.shape[0] === "number";
  const errors = (await ort.run(x, frozen)).map(({ name, data }) => relativeError(mine[name]!.data, data));
  return errors.reduce((worst, error) => (error <= worst ? worst : error), 0);
}

export interface DerivativeErrors {
  /** |⟨Jv, u⟩ − ⟨v, Jᵀu⟩| in units of the larger product of norms. */
  readonly adjoint: number;
  /** Relative l2 error of Jv. */
  readonly directional: number;
  /**
   * What Jv is compared with: differences in double precision, those of the network on a smaller picture, or the change along
   * a segment in single precision.
   */
  readonly against: "float64" | "float64, 64×64" | "segment";
}

/** Multiply-adds of a network that is evaluated in double precision as it is: a second each way. */
const CHEAP = 6e7;
/** And of one that is, because it takes no smaller picture. */
const AFFORDABLE = 4e8;
const SMALL = 64;
/**
 * Points at which Jv is tried until one is within ROUNDING. Where a ReLU's input lies within a rounding of 0, single and double
 * precision take different sides of the kink, and differ by what is beyond it; a wrong derivative is wrong at every point.
 */
const SEEDS = [9, 10, 11];
const ROUNDING = 1e-5;
/** Steps in double precision: a network of a million ReLUs has kinks within 10⁻⁶ of any input. */
const STEP = 1e-8;

/** Derivatives of the first output at one sample, along random directions. The model is named by its file in the index. */
export async function derivativeErrors(engine: Engine, bytes: Uint8Array, model: Model): Promise<DerivativeErrors> {
  const { macs } = model.describe();
  const reference = referenceOf(bytes, model);
  if (reference && macs > CHEAP) {
    const small = onSmallPicture(bytes, reference);
    if (small) {
      using smaller = await engine.load(small, { name: `${model.name} on ${SMALL}×${SMALL}` });
      return { ...(await errorsAgainst(smaller, referenceOf(small, smaller))), against: "float64, 64×64" };
    }
  }
  if (reference && macs < AFFORDABLE) return { ...(await errorsAgainst(model, reference)), against: "float64" };
  return { ...(await errorsAgainst(model, undefined)), against: "segment" };
}

/** The network for the double-precision reference, if that has its ops and number types. */
function referenceOf(bytes: Uint8Array, { inputs }: Model): TestModel | undefined {
  let model: TestModel;
  try {
    model = readModel(bytes);
  } catch {
    return undefined; // Number types or attributes that the reader does not know.
  }
  const [input] = model.inputs;
  const whole = model.inputs.length === 1 && input!.shape.slice(1).join() === inputs[0]!.shape.join();
  return whole && model.nodes.every(({ op }) => hasReference(op)) ? model : undefined;
}

/**
 * The same network on 64×64 pixels, where it ends in a global pool: all weights and layers are at work, for a twelfth of the
 * multiply-adds of 224×224.
 */
function onSmallPicture(bytes: Uint8Array, { inputs, nodes }: TestModel): Uint8Array | undefined {
  const { shape } = inputs[0]!;
  if (
    shape.length !== 4 ||
    shape[2]! <= SMALL ||
    !nodes.some(({ op }) => op === "GlobalAveragePool") ||
    nodes.some(({ op }) => op === "Reshape")
  )
    return undefined;
  const proto = onnxProto.onnx.ModelProto.decode(bytes);
  const dims = proto.graph!.input!.find(({ name }) => name === inputs[0]!.name)!.type!.tensorType!.shape!.dim!;
  for (const dim of dims.slice(2)) dim.dimValue = SMALL;
  proto.graph!.valueInfo = [];
  // A plain array: in Node the encoder gives a Buffer, which shares its memory with others.
  return new Uint8Array(onnxProto.onnx.ModelProto.encode(proto).finish());
}

async function errorsAgainst(model: Model, reference: TestModel | undefined): Promise<Omit<DerivativeErrors, "against">> {
  let best = await errorsAt(SEEDS[0]!, model, reference);
  for (const seed of reference ? SEEDS.slice(1) : []) {
    if (best.directional < ROUNDING) break;
    const { adjoint, directional } = await errorsAt(seed, model, reference);
    best = { adjoint: Math.max(adjoint, best.adjoint), directional: Math.min(directional, best.directional) };
  }
  return best;
}

async function errorsAt(seed: number, model: Model, reference: TestModel | undefined): Promise<Omit<DerivativeErrors, "against">> {
  const output = model.outputs[0]!;
  const options = { output: output.name };
  const x = samples(model, 1, seed);
  const direction = randomArray(x.shape, 5);
  const cotangent = randomArray([1, ...output.shape], 6);
  using tangent = await model.jvp(x, direction, options);
  using gradient = await model.vjp(x, cotangent, options);
  const [moved, back] = [(await tangent.read()).data, (await gradient.read()).data];
  const terms = Math.max(norm(moved) * norm(cotangent.data), norm(direction.data) * norm(back));
  const difference = Math.abs(dot(moved, cotangent.data) - dot(direction.data, back));
  const name = reference?.inputs[0]?.name;
  return {
    adjoint: terms === 0 ? difference : difference / terms,
    directional:
      reference && name
        ? relativeError(moved, numericTangent(reference, { [name]: x.data }, name, direction.data, { step: STEP }))
        : await segmentError(model, x, direction),
  };
}

/** Half the length of the segment relative to the input, far above the rounding of a forward pass. */
const REACH = 2 ** -8;
const POINTS = 16;
/** Points of a segment in one batch. */
const AT_ONCE = 8;

/**
 * The mean of jvps along a segment against the difference of the network at its ends.
 *
 * Small steps drown in the rounding of the forward pass, and between the ends of large ones a network of any size has
 * hundreds of kinks, where the derivative jumps. The fundamental theorem of calculus does not mind kinks:
 *
 *   f(x + s v) − f(x − s v) = ∫ J(x + t v) v dt from −s to s
 *
 * The integral is the mean at the middles of equal parts, whose error falls as the parts do.
 */
async function segmentError(model: Model, x: NdArray, direction: NdArray): Promise<number> {
  const reach = (REACH * norm(x.data)) / norm(direction.data);
  const size = x.data.length;
  /** x moved by several multiples of the direction, as a batch. */
  const along = (steps: readonly number[]): NdArray => {
    const data = new Float32Array(steps.length * size);
    steps.forEach((t, k) => x.data.forEach((value, i) => (data[k * size + i] = value + t * direction.data[i]!)));
    return { shape: [steps.length, ...x.shape.slice(1)], data };
  };
  const { name } = model.outputs[0]!;
  const ends = (await model.run({ [model.inputs[0]!.name]: along([reach, -reach]) }))[name]!.data;
  const classes = ends.length / 2;
  const difference = Float64Array.from({ length: classes }, (_, i) => (ends[i]! - ends[classes + i]!) / (2 * reach));

  const mean = new Float64Array(classes);
  for (let first = 0; first < POINTS; first += AT_ONCE) {
    const batch = along(Array.from({ length: AT_ONCE }, (_, k) => reach * ((2 * (first + k) + 1) / POINTS - 1)));
    const directions = new Float32Array(batch.data.length);
    for (let k = 0; k < AT_ONCE; k++) directions.set(direction.data, k * size);
    using tangents = await model.jvp(batch, { shape: batch.shape, data: directions }, { output: name });
    (await tangents.read()).data.forEach((value, i) => (mean[i % classes]! += value / POINTS));
  }
  return relativeError(mean, difference);
}
