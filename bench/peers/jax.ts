/** jax-js with its ONNX loader: the network is an ordinary function, compiled by jit() and differentiated by vjp(). */
import { defaultDevice, init, jit, lax, nn, numpy as np, vjp, vmap } from "@jax-js/jax";
import { ONNXModel } from "@jax-js/onnx";
import type { Contestant, Net } from "../page/contestant.ts";
import { deepfoolOn, padded, repeatLast } from "./deepfool.ts";

type Array = np.Array;

const array = (data: Float32Array, shape: readonly number[]) => np.array(data, { shape: [...shape], dtype: np.float32 });
const read = async (result: Array) => (await result.data()) as Float32Array;

export const jax: Contestant = {
  derivatives: true,
  async load(bytes, facts): Promise<Net> {
    const devices = await init("webgpu");
    if (!devices.includes("webgpu")) throw new Error("no WebGPU");
    defaultDevice("webgpu");
    const { shape, classes } = facts;
    const elements = shape.reduce((product, extent) => product * extent, 1);
    const model = new ONNXModel(bytes as Uint8Array<ArrayBuffer>);
    const network = (x: Array): Array => model.run({ [facts.input]: x })[facts.output]!;

    /**
     * Gradients [N, R, ...sample] of the rows of cotangents [N, R, classes], forward pass shared. One gradient of R copies of
     * each sample is no faster, and gives wrong numbers for two samples and more of some networks in jax-js 0.1.25.
     */
    const rowsOf = (x: Array, cotangents: Array): Array => {
      const [logits, pullBack] = vjp(network, [x]);
      logits.dispose();
      // vmap runs over R; the network's own axis N stays.
      const gradients = vmap((cotangent: Array) => pullBack(cotangent)[0])(np.moveaxis(cotangents, 1, 0));
      return np.moveaxis(gradients, 0, 1);
    };
    const jacobians = new Map<number, (x: Array) => Array>();
    const jacobian = (k: number) => {
      const run =
        jacobians.get(k) ??
        jit((x: Array) => {
          const [values, indices] = lax.topK(network(x.ref), k);
          values.dispose();
          return rowsOf(x, nn.oneHot(indices, classes));
        });
      jacobians.set(k, run);
      return run;
    };
    /** The step of DeepFool: see Steps.step. */
    const step = jit((x: Array, cotangents: Array, gaps: Array) => {
      const [samples, rows] = gaps.shape as [number, number];
      const gradients = rowsOf(x, cotangents).reshape([samples, rows, elements]);
      const squares = np.square(gradients.ref).sum(2);
      const sizes = np.absolute(gaps);
      const distances = sizes.ref.div(np.sqrt(squares.ref));
      const chosen = nn.oneHot(np.argmin(distances, 1), rows);
      const weights = chosen.mul(sizes.div(squares));
      return gradients.mul(weights.reshape([samples, rows, 1])).sum(1);
    });

    const forward = jit(network);
    const gradient = jit((x: Array, cotangent: Array) => {
      const [logits, pullBack] = vjp(network, [x]);
      logits.dispose();
      return pullBack(cotangent)[0];
    });

    return {
      forward: async ({ samples, data }) => read(forward(array(data, [samples, ...shape]))),
      vjp: async ({ samples, data }, cotangent) => read(gradient(array(data, [samples, ...shape]), array(cotangent, [samples, classes]))),
      jacobian: async ({ samples, data }, k) => read(jacobian(k)(array(data, [samples, ...shape]))),
      deepfool: async (x) =>
        deepfoolOn(
          {
            // jit() compiles once a shape: batches are kept at powers of two, as Nudge keeps its programs.
            logits: async (images) => {
              const { samples, data } = padded(images, elements);
              return (await read(forward(array(data, [samples, ...shape])))).subarray(0, images.samples * classes);
            },
            step: async (images, cotangents, gaps, rows) => {
              const { samples, data } = padded(images, elements);
              const steps = await read(
                step(
                  array(data, [samples, ...shape]),
                  array(repeatLast(cotangents, rows * classes, samples), [samples, rows, classes]),
                  array(repeatLast(gaps, rows, samples), [samples, rows]),
                ),
              );
              return steps.subarray(0, images.samples * elements);
            },
          },
          facts,
          x,
        ),
    };
  },
};
