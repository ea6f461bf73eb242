/** The checks that every op case goes through, on every kernel variant. */
import { describe, expect, test } from "vitest";
import { DIFFERENCE_NOISE, numericTangent } from "../../reference/derivative.ts";
import { evaluate } from "../../reference/evaluate.ts";
import type { Evaluation, Feeds } from "../../reference/evaluate.ts";
import { sizeOf } from "../../reference/model.ts";
import type { TestModel } from "../../reference/model.ts";
import { encodeModel } from "../../reference/onnx-builder.ts";
import { EPSILON } from "../../reference/tensor.ts";
import { randomArray, relativeError } from "../numbers.ts";
import { OrtReference } from "../onnxruntime.ts";
import { build, seedOf } from "./cases/build.ts";
import type { OpCase } from "./cases/build.ts";
import { DerivativeProgram } from "./derivative-program.ts";
import { withHalvedWeights } from "./halved-weights.ts";
import { WHOLE_TENSOR } from "./matchers.ts";
import { pipelinesOf, software } from "./variant.ts";
import type { Variant } from "./variant.ts";

const SAMPLES = 3;
const ROWS = 2;

/** Kinks are kept this far from every input: a thousand numeric steps, and far more than float32's rounding. */
const MARGIN = 1e-4;

/** Input elements whose partial derivatives are checked one by one; all of them where that takes few operations. */
const COORDINATES = 5;
const ALL_COORDINATES_BELOW = 80;

/**
 * Largest relative l2 error of a tangent, and largest error of <vjp, u> and of <Jv, u> − <v, Jᵀu> in units of the terms of
 * these sums: a few dozen roundings.
 */
const DERIVATIVE = 2e-6;

/** Of a variant that takes neighbouring pixels together: what its roundings come to, in units of the largest among them. */
const TILE_ROUNDINGS = 8;

const largest = (array: Float32Array) => array.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

interface Sample {
  readonly feeds: Feeds;
  readonly evaluation: Evaluation;
}

/** Random inputs of which no kink is near: the first seed that has none within MARGIN. */
function sampleAwayFromKinks(model: TestModel, name: string, sample: number): Sample {
  for (let attempt = 0; attempt < 100; attempt++) {
    const feeds = Object.fromEntries(
      model.inputs.map((input) => [input.name, randomArray(input.shape, seedOf(name, input.name, sample, attempt), -1.5, 1.5).data]),
    );
    const evaluation = evaluate(model, feeds);
    if (evaluation.margin >= MARGIN) return { feeds, evaluation };
  }
  throw new Error("a hundred seeds put an input near a kink");
}

function join(parts: readonly ArrayLike<number>[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => {
    all.set(part, at);
    return at + part.length;
  }, 0);
  return all;
}

const part = (array: Float32Array, index: number, size: number) => array.subarray(index * size, (index + 1) * size);

/** A direction along which the numeric derivative was taken. */
interface Probe {
  readonly sample: number;
  readonly direction: Float32Array;
  /** J · direction */
  readonly tangent: Float64Array;
}

/** Everything about a case that does not depend on the variant, computed once. */
class Prepared {
  readonly model: TestModel;
  readonly bytes: Uint8Array;
  private drawn: readonly Sample[] | undefined;
  readonly outputSize: number;
  /** [N, R, ...output] */
  readonly cotangents: Float32Array;
  private readonly probes = new Map<string, { rows: readonly Probe[]; coordinates: readonly Probe[]; tangents: Float32Array }>();

  /** `inMemory`: the network that the GPU computes for the case's file; itself unless storage rounds weights. */
  constructor(
    readonly given: OpCase,
    inMemory = (model: TestModel) => model,
  ) {
    const { model, outputShape } = build(given);
    this.model = inMemory(model);
    this.bytes = encodeModel(model);
    this.outputSize = sizeOf(outputShape);
    this.cotangents = randomArray([SAMPLES, ROWS, this.outputSize], seedOf(given.name, "cotangents")).data;
  }

  get samples(): readonly Sample[] {
    this.drawn ??= Array.from({ length: SAMPLES }, (_, i) => sampleAwayFromKinks(this.model, this.given.name, i));
    return this.drawn;
  }

  /** The inputs of the given samples, by name. */
  feeds(samples: readonly Sample[]): Record<string, Float32Array> {
    return Object.fromEntries(this.model.inputs.map(({ name }) => [name, join(samples.map(({ feeds }) => feeds[name]!))]));
  }

  inputSize(input: string): number {
    return sizeOf(this.model.inputs.find(({ name }) => name === input)!.shape);
  }

  /** Numeric tangents: R random directions of every sample, and single coordinates of the second sample. */
  numeric(input: string) {
    const known = this.probes.get(input);
    if (known) return known;
    const size = this.inputSize(input);
    const tangents = randomArray([SAMPLES, ROWS, size], seedOf(this.given.name, "tangents", input)).data;
    const probe = (sample: number, direction: Float32Array): Probe => ({
      sample,
      direction,
      tangent: numericTangent(this.model, this.samples[sample]!.feeds, input, direction),
    });
    const rows = Array.from({ length: SAMPLES * ROWS }, (_, i) => probe(Math.floor(i / ROWS), part(tangents, i, size)));
    const chosen =
      size < ALL_COORDINATES_BELOW
        ? Array.from({ length: size }, (_, i) => i)
        : Array.from({ length: COORDINATES }, (_, i) => Math.round((i * (size - 1)) / (COORDINATES - 1)));
    const coordinates = chosen.map((at) =>
      probe(
        1,
        Float32Array.from({ length: size }, (_, i) => Number(i === at)),
      ),
    );
    const made = { rows, coordinates, tangents };
    this.probes.set(input, made);
    return made;
  }
}

/** <a, b>, and the sum of its terms' sizes. */
function product(a: ArrayLike<number>, b: ArrayLike<number>): { sum: number; terms: number } {
  let [sum, terms] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    sum += a[i]! * b[i]!;
    terms += Math.abs(a[i]! * b[i]!);
  }
  return { sum, terms };
}

/** |<a, b> − <c, d>| beyond the floor, in units of the larger sum of terms. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>, c: ArrayLike<number>, d: ArrayLike<number>, floor = 0): number {
  const [left, right] = [product(a, b), product(c, d)];
  return Math.max(0, Math.abs(left.sum - right.sum) - floor) / (Math.max(left.terms, right.terms) + EPSILON ** 2);
}

async function checkVariant(prepared: Prepared, input: string, variant: Variant): Promise<void> {
  const { bytes, samples, outputSize, cotangents } = prepared;
  const size = prepared.inputSize(input);
  const tolerance = DERIVATIVE * (prepared.given.amplification ?? 1);
  const { rows, coordinates, tangents } = prepared.numeric(input);
  const request = { bytes, input, samples: SAMPLES, rows: ROWS, variant };
  using adjoint = await DerivativeProgram.make({ ...request, kind: "vjp" });
  using tangent = await DerivativeProgram.make({ ...request, kind: "jvp" });
  const feeds = prepared.feeds(samples);
  const backward = await adjoint.run(feeds, cotangents);
  const forward = await tangent.run(feeds, tangents);

  samples.forEach(({ evaluation }, s) => {
    expect(part(backward.output, s, outputSize), `forward, sample ${s}`).toMatchReference(evaluation.outputs[0]!);
    expect(part(forward.output, s, outputSize), `forward of the tangent program, sample ${s}`).toMatchReference(evaluation.outputs[0]!);
  });

  const numericJvp = join(rows.map((probe) => probe.tangent));
  expect(relativeError(forward.result, numericJvp), "jvp against differences, relative l2").toBeLessThan(tolerance);

  for (const { sample, direction, tangent: expected } of [...rows, ...coordinates]) {
    for (let r = 0; r < ROWS; r++) {
      const cotangent = part(cotangents, sample * ROWS + r, outputSize);
      const gradient = part(backward.result, sample * ROWS + r, size);
      const label = `<vjp, u> against <v, differences along u>, sample ${sample}, row ${r}`;
      const noise =
        DIFFERENCE_NOISE * product(cotangent, samples[sample]!.evaluation.outputs[0]!.data).terms +
        (variant.mixesTiles ? TILE_ROUNDINGS * EPSILON * largest(gradient) * product(direction, direction.map(Math.sign)).terms : 0);
      expect(difference(gradient, direction, cotangent, expected, noise), label).toBeLessThan(tolerance);
    }
  }

  for (let row = 0; row < SAMPLES * ROWS; row++) {
    const s = Math.floor(row / ROWS);
    for (let r = 0; r < ROWS; r++) {
      const cotangent = part(cotangents, s * ROWS + r, outputSize);
      const gradient = part(backward.result, s * ROWS + r, size);
      const [direction, moved] = [part(tangents, row, size), part(forward.result, row, outputSize)];
      expect(difference(moved, cotangent, direction, gradient), `<Jv, u> = <v, Jᵀu>, sample ${s}`).toBeLessThan(tolerance);
    }
  }

  // A batch equals its singles, bit for bit: the last sample alone, in the same programs.
  const last = SAMPLES - 1;
  const alone = prepared.feeds([samples[last]!]);
  const singleBackward = await adjoint.run(alone, cotangents.subarray(last * ROWS * outputSize));
  const singleForward = await tangent.run(alone, tangents.subarray(last * ROWS * size));
  expect(singleBackward.output, "forward of a single").toEqual(part(backward.output, last, outputSize));
  expect(singleBackward.result, "vjp of a single").toEqual(part(backward.result, last, ROWS * size));
  expect(singleForward.result, "jvp of a single").toEqual(part(forward.result, last, ROWS * outputSize));

  // Samples drop out between the forward pass and the rest: what is left finds its forward values by slots. The samples come
  // in another order than before, so that no value of an earlier run can pass for one of this.
  const order = [1, 2, 0];
  const active = [2, 0];
  const remaining = (directions: Float32Array, length: number) => join(active.map((slot) => part(directions, order[slot]!, ROWS * length)));
  const shuffled = prepared.feeds(order.map((s) => samples[s]!));
  expect(await adjoint.runActive(shuffled, active, remaining(cotangents, outputSize)), "vjp of the active samples").toEqual(
    remaining(backward.result, size),
  );
  expect(await tangent.runActive(shuffled, active, remaining(tangents, size)), "jvp of the active samples").toEqual(
    remaining(forward.result, outputSize),
  );
}

async function checkAgainstOrt(prepared: Prepared): Promise<void> {
  const ort = await OrtReference.load(prepared.bytes);
  const { feeds, evaluation } = prepared.samples[0]!;
  const found = await ort.runNamed(
    Object.fromEntries(prepared.model.inputs.map(({ name, shape }) => [name, { shape, data: Float32Array.from(feeds[name]!) }])),
  );
  expect(relativeError(found["result"]!, evaluation.outputs[0]!.data), "the reference against onnxruntime").toBeLessThan(WHOLE_TENSOR);
}

/** All checks of one case on all variants that differ, for tests that make their cases as they run. */
export async function checkCase(given: OpCase, variants: readonly Variant[]): Promise<void> {
  const prepared = new Prepared(given);
  for (const variant of distinct(prepared.bytes, variants)) {
    for (const { name } of prepared.model.inputs) await checkVariant(prepared, name, variant);
  }
}

/**
 * Declares the tests of a family of cases: for every case the reference against onnxruntime, and the programs of every
 * variant that runs other kernels than the variants before it.
 */
export function testCases(family: string, cases: readonly OpCase[], variants: readonly Variant[] = [software]): void {
  describe(family, () => {
    for (const given of cases) {
      const prepared = new Prepared(given);
      test.skipIf(given.notInOrt !== undefined)(`${given.name}: reference`, () => checkAgainstOrt(prepared));
      for (const variant of distinct(prepared.bytes, variants)) {
        test(`${given.name}: ${variant.name}`, async () => {
          for (const { name } of prepared.model.inputs) await checkVariant(prepared, name, variant);
        });
      }
    }
  });
}

/**
 * As testCases, for weights that are stored as f16: the file's weights are any f32, the reference has their roundings. A case
 * whose weights are scaled while it is loaded has no place here: its reference would round before it scales.
 */
export function testHalved(family: string, cases: readonly OpCase[], variants: readonly Variant[]): void {
  describe(`${family}, weights f16`, () => {
    for (const given of cases) {
      const prepared = new Prepared(given, withHalvedWeights);
      for (const variant of distinct(prepared.bytes, variants)) {
        test(`${given.name}: ${variant.name}`, async () => {
          for (const { name } of prepared.model.inputs) await checkVariant(prepared, name, variant);
        });
      }
    }
  });
}

function distinct(bytes: Uint8Array, variants: readonly Variant[]): Variant[] {
  if (variants.length === 1) return [...variants];
  const seen = new Set<string>();
  return variants.filter((variant) => {
    const fresh = [...pipelinesOf(bytes, variant)].filter((key) => !seen.has(key));
    fresh.forEach((key) => seen.add(key));
    return fresh.length > 0;
  });
}
