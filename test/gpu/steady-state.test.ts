/** In the steady state nothing is created on the GPU: no buffer, bind group, pipeline or shader, and a run is one submit. */
import { readFileSync } from "node:fs";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { deepfool } from "../../src/index.ts";
import type { Engine, Model, Tensor } from "../../src/index.ts";
import { sharedEngine } from "./engine.ts";
import { randomArray } from "./numbers.ts";

const MAKERS = [
  "createBuffer",
  "createTexture",
  "createSampler",
  "createBindGroup",
  "createBindGroupLayout",
  "createPipelineLayout",
  "createShaderModule",
  "createComputePipeline",
  "createComputePipelineAsync",
  "createQuerySet",
] as const;

let engine: Engine;
let model: Model;

beforeAll(async () => {
  engine = await sharedEngine();
  model = await engine.load(new Uint8Array(readFileSync(new URL("../../models/lenet.onnx", import.meta.url))));
});

let calls: Map<string, number>;

beforeEach(() => {
  calls = new Map();
  const count = (name: string) => calls.set(name, (calls.get(name) ?? 0) + 1);
  const { device } = engine;
  for (const name of MAKERS) {
    const make = device[name].bind(device) as (...given: unknown[]) => unknown;
    vi.spyOn(device, name).mockImplementation(((...given: unknown[]) => {
      count(name);
      return make(...given);
    }) as never);
  }
  const { queue } = device;
  const submit = queue.submit.bind(queue);
  vi.spyOn(queue, "submit").mockImplementation((buffers) => {
    count("submit");
    submit(buffers);
  });
});

afterEach(() => {
  vi.restoreAllMocks();
});

const x = randomArray([3, 1, 28, 28], 1, 0, 1);
const cotangent = randomArray([3, 10], 2);

async function finish(tensor: Promise<Tensor>): Promise<void> {
  using made = await tensor;
  await made.read();
}

/** Submits of each call, its readback included. */
test.each<[string, number, () => Promise<unknown>]>([
  ["forward", 2, () => finish(model.forward(x))],
  ["vjp", 2, () => finish(model.vjp(x, cotangent))],
  ["jvp", 2, () => finish(model.jvp(x, x))],
  ["jacobian of given rows", 2, () => finish(model.jacobian(x, { rows: [0, 3] }))],
  ["jacobian of the top 3", 4, () => finish(model.jacobian(x, { rows: "top3" }))],
])("%s: nothing is created, and %i submits", async (_, submits, call) => {
  await call();
  expect(calls.get("createBuffer")).toBeGreaterThan(0);
  await call();
  calls.clear();
  await call();
  expect(Object.fromEntries(calls)).toEqual({ submit: submits });
});

test("DeepFool: nothing is created from the second call on, and the answer is the same", async () => {
  const first = await deepfool(model, x);
  await deepfool(model, x);
  calls.clear();
  const again = await deepfool(model, x);
  expect(again.perturbations.data).toEqual(first.perturbations.data);
  expect(again.iterations).toEqual(first.iterations);
  expect([...calls.keys()]).toEqual(["submit"]);
  // Other settings are another attack; the first one's memory goes.
  const before = engine.memory().bytes;
  await deepfool(model, x, { candidates: 3 });
  await deepfool(model, x);
  expect((await deepfool(model, x)).perturbations.data).toEqual(first.perturbations.data);
  expect(engine.memory().bytes).toBeLessThan(2 * before);
});

test("memory: a tensor that was disposed of serves the next one, and counts as spare", async () => {
  const one = await model.forward(x);
  const { buffers, bytes, spareBytes } = engine.memory();
  one.dispose();
  one.dispose();
  const after = engine.memory();
  expect([after.buffers, after.bytes, after.spareBytes]).toEqual([buffers - 1, bytes - 3 * 10 * 4, spareBytes + 3 * 10 * 4]);
  expect(() => one.buffer).toThrow("the tensor was disposed");
  using two = await model.forward(x);
  expect(engine.memory()).toMatchObject({ buffers, bytes, spareBytes });
  expect((await two.read()).shape).toEqual([3, 10]);
});
