/** jax-js with its ONNX loader: the network is an ordinary function, compiled by jit() and differentiated by vjp(). */
import { defaultDevice, init, jit, lax, nn, numpy as np, vjp, vmap } from "@jax-js/jax";
import { ONNXModel } from "@jax-js/onnx";
import type { Contestant, Net } from "../page/contestant.ts";
import { deepfoolOn, padded, repeatLast } from "./deepfool.ts";
import { fastest } from "./fastest.ts";

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

    /** Gradients [N, R, ...sample] of the rows of cotangents [N, R, classes], forward pass shared. */
    const rowsByVmap = (x: Array, cotangents: Array): Array => {
      const [logits, pullBack] = vjp(network, [x]);
      logits.dispose();
      // vmap runs over R; the network's own axis N stays.
      const gradients = vmap((cotangent: Array) => pullBack(cotangent)[0])(np.moveaxis(cotangents, 1, 0));
      return np.moveaxis(gradients, 0, 1);
    };
    /** The same by one gradient of R copies of each sample. */
    const rowsByTiling = (x: Array, cotangents: Array): Array => {
      const [samples, rows] = cotangents.shape as [number, number, number];
      const [logits, pullBack] = vjp(network, [np.repeat(x, rows, 0)]);
      logits.dispose();
      const [gradient] = pullBack(cotangents.reshape([samples * rows, classes]));
      return gradient.reshape([samples, rows, ...shape]);
    };
    const jacobianBy = (rowsOf: typeof rowsByVmap) => {
      const compiled = new Map<number, (x: Array) => Array>();
      return (x: Array, k: number) => {
        let run = compiled.get(k);
        if (!run) {
          run = jit((input: Array) => {
            const [values, indices] = lax.topK(network(input.ref), k);
            values.dispose();
            return rowsOf(input, nn.oneHot(indices, classes));
          });
          compiled.set(k, run);
        }
        return run(x);
      };
    };
    /** The step of DeepFool: see Steps.step. */
    const stepBy = (rowsOf: typeof rowsByVmap) =>
      jit((x: Array, cotangents: Array, gaps: Array) => {
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
    const jacobian = fastest([jacobianBy(rowsByVmap), jacobianBy(rowsByTiling)]);
    const step = fastest([stepBy(rowsByVmap), stepBy(rowsByTiling)]);

    return {
      forward: async ({ samples, data }) => read(forward(array(data, [samples, ...shape]))),
      vjp: async ({ samples, data }, cotangent) => read(gradient(array(data, [samples, ...shape]), array(cotangent, [samples, classes]))),
      jacobian: async ({ samples, data }, k) => jacobian(`${samples} ${k}`, async (run) => read(run(array(data, [samples, ...shape]), k))),
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
              const steps = await step(`${samples} ${rows}`, async (run) =>
                read(
                  run(
                    array(data, [samples, ...shape]),
                    array(repeatLast(cotangents, rows * classes, samples), [samples, rows, classes]),
                    array(repeatLast(gaps, rows, samples), [samples, rows]),
                  ),
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
