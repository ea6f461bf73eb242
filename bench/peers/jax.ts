/** jax-js with its ONNX loader: the network is an ordinary function, compiled by jit() and differentiated by vjp(). */
import { defaultDevice, init, jit, nn, numpy as np, vjp, vmap } from "@jax-js/jax";
import { ONNXModel } from "@jax-js/onnx";
import type { Batch, Contestant, Net } from "../page/contestant.ts";
import { deepfoolOn, largest, padded, repeatEach, repeatLast } from "./deepfool.ts";
import { fastest } from "./fastest.ts";

type Array = np.Array;
/** Gradients [N, R, elements] for cotangents [N, R, classes]. */
type Gradients = (x: Batch, cotangents: Float32Array, rows: number) => Array;

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

    const forward = jit(network);
    const gradient = jit((x: Array, cotangent: Array) => {
      const [logits, pullBack] = vjp(network, [x]);
      logits.dispose();
      return pullBack(cotangent)[0];
    });
    /** Copies are made on the host: broadcasting inside jit() gives wrong gradients of some networks in jax-js 0.1.25. */
    const gradientsByCopies: Gradients = ({ samples, data }, cotangents, rows) =>
      gradient(array(repeatEach(data, elements, rows), [samples * rows, ...shape]), array(cotangents, [samples * rows, classes])).reshape([
        samples,
        rows,
        elements,
      ]);
    const mapped = jit((x: Array, cotangents: Array) => {
      const [logits, pullBack] = vjp(network, [x]);
      logits.dispose();
      // vmap runs over R; the network's own axis N stays.
      const gradients = vmap((cotangent: Array) => pullBack(cotangent)[0])(np.moveaxis(cotangents, 1, 0));
      const [rows, samples] = gradients.shape as [number, number];
      return np.moveaxis(gradients.reshape([rows, samples, elements]), 0, 1);
    });
    /** One forward pass for all rows. Max pools have no rule for it. */
    const gradientsByVmap: Gradients = ({ samples, data }, cotangents, rows) =>
      mapped(array(data, [samples, ...shape]), array(cotangents, [samples, rows, classes]));
    const ways = [gradientsByVmap, gradientsByCopies];
    const [jacobian, step] = [fastest(ways), fastest(ways)];

    /** See Steps.step. */
    const stepAlong = jit((gradients: Array, gaps: Array) => {
      const [samples, rows] = gaps.shape as [number, number];
      const squares = np.square(gradients.ref).sum(2);
      const sizes = np.absolute(gaps);
      const distances = sizes.ref.div(np.sqrt(squares.ref));
      const chosen = nn.oneHot(np.argmin(distances, 1), rows);
      const weights = chosen.mul(sizes.div(squares));
      return gradients.mul(weights.reshape([samples, rows, 1])).sum(1);
    });
    const logitsOf = async ({ samples, data }: Batch) => read(forward(array(data, [samples, ...shape])));

    return {
      forward: logitsOf,
      vjp: async ({ samples, data }, cotangent) => read(gradient(array(data, [samples, ...shape]), array(cotangent, [samples, classes]))),
      jacobian: async (x, k) => {
        const logits = await logitsOf(x);
        const cotangents = new Float32Array(x.samples * k * classes);
        for (let i = 0; i < x.samples; i++) {
          const top = largest(logits.subarray(i * classes, (i + 1) * classes), k);
          for (const [row, index] of top.entries()) cotangents[(i * k + row) * classes + index] = 1;
        }
        return jacobian(`${x.samples} ${k}`, async (gradientsOf) => read(gradientsOf(x, cotangents, k)));
      },
      deepfool: async (x) =>
        deepfoolOn(
          {
            // jit() compiles once a shape: batches are kept at powers of two, as Nudge keeps its programs.
            logits: async (images) => (await logitsOf(padded(images, elements))).subarray(0, images.samples * classes),
            step: async (images, cotangents, gaps, rows) => {
              const batch = padded(images, elements);
              const { samples } = batch;
              const seeds = repeatLast(cotangents, rows * classes, samples);
              const distances = repeatLast(gaps, rows, samples);
              const steps = await step(`${samples} ${rows}`, async (gradientsOf) =>
                read(stepAlong(gradientsOf(batch, seeds, rows), array(distances, [samples, rows]))),
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
