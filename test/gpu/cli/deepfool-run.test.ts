/** DeepFool in parts: the outcomes of one call, from any state on, and refusals of states that are of another run. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { deepfoolInParts, nextPart, type DeepFoolState } from "../../../src/cli/deepfool-run.ts";
import { deepfool, decodeCheckpoint, encodeCheckpoint } from "../../../src/index.ts";
import type { DeepFoolResult, Model, NdArray } from "../../../src/index.ts";
import { CheckpointError } from "../../../src/runtime/errors.ts";
import { sharedEngine } from "../engine.ts";
import { randomArray } from "../numbers.ts";
import { affine, load } from "../algorithms/closed-forms.ts";

const lenet = async (options = {}): Promise<Model> => (await sharedEngine()).load(readFileSync("models/lenet.onnx"), options);

/** What a result is, without its time. */
const bitsOf = ({ seconds, perturbations, norms, relativeNorms, ...others }: DeepFoolResult) => ({
  ...others,
  shape: perturbations.shape,
  bits: [perturbations.data, norms, relativeNorms].map((array) => [...new Uint32Array(new Float32Array(array).buffer)]),
});

const nothing = () => {};
const unsaved = { save: () => Promise.resolve(), every: 1e9 };

/** A run that keeps every state there is, through their bytes. */
async function keepingStates(model: Model, images: NdArray, settings = {}) {
  const files: Uint8Array[] = [];
  const save = async (state: DeepFoolState) => void files.push(await encodeCheckpoint(state));
  const result = await deepfoolInParts(model, images, settings, { save, every: 0 }, nothing);
  return { result, states: await Promise.all(files.map((bytes) => decodeCheckpoint<DeepFoolState>(bytes))) };
}

const digits = randomArray([110, 1, 28, 28], 4);

test("parts of any size have the bits of one call, and so has a run from any state", async () => {
  using model = await lenet();
  const { result, states } = await keepingStates(model, digits);
  const expected = bitsOf(result);
  expect(states.map(({ done }) => done)).toEqual([32, 64, 96]);
  // The whole batches at once, in parts, and what is left.
  const atOnce = await deepfool(model, { shape: [96, 1, 28, 28], data: digits.data.subarray(0, 96 * 784) });
  expect(new Uint32Array(atOnce.perturbations.data.buffer)).toEqual(new Uint32Array(result.perturbations.data.buffer, 0, 96 * 784));
  expect(atOnce.status).toEqual(result.status.slice(0, 96));
  expect(bitsOf(await deepfoolInParts(model, digits, {}, unsaved, nothing))).toEqual(expected);
  for (const resume of states) {
    const seen: number[] = [];
    const resumed = await deepfoolInParts(model, digits, {}, { ...unsaved, resume }, ({ done, total }) => seen.push(done, total));
    expect(bitsOf(resumed)).toEqual(expected);
    expect(Math.min(...seen)).toBeGreaterThanOrEqual(resume.done);
    expect(Math.max(...seen)).toBe(110);
  }
});

test("a part ends when the next state is due, a batch later at most", () => {
  expect(nextPart(10, 6.4)).toBe(64);
  expect(nextPart(10, 6.5)).toBe(96);
  expect(nextPart(0.1, 6.4)).toBe(32);
  expect(nextPart(0, 100)).toBe(32);
});

test("failures are kept with the rest", async () => {
  using model = await lenet();
  const { result, states } = await keepingStates(model, digits, { maxIterations: 1, norm: Infinity });
  expect(new Set(result.status)).toEqual(new Set(["fooled", "exhausted"]));
  const resumed = await deepfoolInParts(model, digits, { maxIterations: 1, norm: Infinity }, { ...unsaved, resume: states[1] }, nothing);
  expect(bitsOf(resumed)).toEqual(bitsOf(result));
});

test("time goes on, and what saving throws ends the run", async () => {
  using model = await lenet();
  const { states } = await keepingStates(model, digits);
  const resume = { ...states[2]!, seconds: 1000 };
  expect((await deepfoolInParts(model, digits, {}, { ...unsaved, resume }, nothing)).seconds).toBeGreaterThan(1000);
  const save = () => Promise.reject(new RangeError("no room"));
  await expect(deepfoolInParts(model, digits, {}, { save, every: 0 }, nothing)).rejects.toThrow("no room");
});

describe("a state of another run is refused", () => {
  const weights = [
    [1, 0],
    [0, 1],
  ];
  const points = randomArray([40, 2], 3);
  const fields: [string, unknown, string][] = [
    ["images", "", "other images"],
    ["model", undefined, "preprocessing undefined"],
    ["done", 31, 'field "done"'],
    ["done", 64, 'field "done"'],
    ["done", Number.NaN, 'field "done"'],
    ["labels", new Uint32Array(31), 'field "labels"'],
    ["norms", new Uint32Array(32), 'field "norms"'],
    ["perturbations", new Float32Array(63), 'field "perturbations"'],
    ["status", new Uint8Array(32).fill(5), 'field "status"'],
    ["status", new Uint8Array(31), 'field "status"'],
    ["seconds", -1, 'field "seconds"'],
  ];
  test("by what differs", async () => {
    using model = await load(affine(weights, [0, 0]));
    using other = await load(affine(weights, [0, 0.5]));
    const { states } = await keepingStates(model, points);
    const state = states[0]!;
    expect(state.done).toBe(32);
    const resuming = (of: Model, images: NdArray, resume: DeepFoolState) =>
      deepfoolInParts(of, images, {}, { ...unsaved, resume }, nothing).catch((error: unknown) => error);
    const refusals: [unknown, string | RegExp][] = [
      [
        await resuming(other, points, state),
        /made with another model, or other dimensions of this one \(hash "[0-9a-f]{64}", this call has "[0-9a-f]{64}"\)/,
      ],
      [
        await resuming(model, randomArray([40, 2], 4), state),
        /made with other images.*\(hash "[0-9a-f]{64}", this call has "[0-9a-f]{64}"\)/,
      ],
      [await resuming(model, { ...points, shape: [32, 2], data: points.data.slice(0, 64) }, state), "made with other images"],
    ];
    for (const [name, value, message] of fields) refusals.push([await resuming(model, points, { ...state, [name]: value }), message]);
    for (const [error, message] of refusals) {
      expect(error).toBeInstanceOf(CheckpointError);
      expect((error as Error).message).toMatch(message);
    }
  });
  test("preprocessing by both values", async () => {
    using before = await lenet();
    using after = await lenet({ preprocessing: { mean: [0.5], std: [0.5], layout: "NCHW" } });
    const { states } = await keepingStates(before, digits);
    await expect(deepfoolInParts(after, digits, {}, { ...unsaved, resume: states[0] }, nothing)).rejects.toThrow(
      'made with preprocessing "none", this call has "{',
    );
  });
});
