/** TensorFlow.js on its WebGPU backend: the network is built from the ONNX weights, derivatives are tf.grad's. */
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-webgpu";
import type { Batch, Contestant, Net } from "../page/contestant.ts";
import { deepfoolOn } from "./deepfool.ts";
import { fastest } from "./fastest.ts";
import { tfjsNetwork } from "./tfjs-network.ts";

type Rows = (x: tf.Tensor4D, cotangents: tf.Tensor3D) => tf.Tensor;

/** Reads a tensor and frees it. */
async function read(tensor: tf.Tensor): Promise<Float32Array> {
  const data = (await tensor.data()) as Float32Array;
  tensor.dispose();
  return data;
}

export const tfjs: Contestant = {
  derivatives: true,
  async load(bytes, facts): Promise<Net> {
    if (!(await tf.setBackend("webgpu"))) throw new Error("no WebGPU");
    await tf.ready();
    // Small tensors are otherwise computed on the processor, which is not what is measured.
    tf.env().set("WEBGPU_CPU_FORWARD", false);
    const { shape, classes } = facts;
    const [channels, height, width] = shape as [number, number, number];
    const elements = channels * height * width;
    const network = tfjsNetwork(bytes, facts.input, facts.output);
    const tensor = ({ samples, data }: Batch) => tf.tensor4d(data, [samples, channels, height, width]);
    const gradient = tf.grad((x) => network(x as tf.Tensor4D));

    /** Gradients [N, R, elements] of R cotangents a sample, by one gradient of R copies of each sample. */
    const rowsByTiling: Rows = (x, cotangents) => {
      const [samples, rows] = cotangents.shape;
      const copies = tf.reshape(tf.tile(tf.reshape(x, [samples, 1, elements]), [1, rows, 1]), [samples * rows, channels, height, width]);
      return tf.reshape(gradient(copies, tf.reshape(cotangents, [samples * rows, classes])), [samples, rows, elements]);
    };
    /** The same by R gradients one after another. */
    const rowsByTurns: Rows = (x, cotangents) =>
      tf.stack(
        tf.unstack(cotangents, 1).map((cotangent) => tf.reshape(gradient(x, cotangent), [x.shape[0], elements])),
        1,
      );
    const ways = [rowsByTiling, rowsByTurns];
    const [jacobian, step] = [fastest(ways), fastest(ways)];

    const forward = (x: Batch) => read(tf.tidy(() => network(tensor(x))));
    return {
      forward,
      vjp: async (x, cotangent) => read(tf.tidy(() => gradient(tensor(x), tf.tensor2d(cotangent, [x.samples, classes])))),
      jacobian: async (x, k) =>
        jacobian(`${x.samples} ${k}`, async (rowsOf) =>
          read(
            tf.tidy(() => {
              const images = tensor(x);
              const { indices } = tf.topk(network(images), k);
              return rowsOf(images, tf.oneHot(indices, classes, 1, 0, "float32") as tf.Tensor3D);
            }),
          ),
        ),
      deepfool: async (x) =>
        deepfoolOn(
          {
            logits: forward,
            step: async (images, cotangents, gaps, rows) =>
              step(`${rows}`, async (rowsOf) =>
                read(
                  tf.tidy(() => {
                    const gradients = rowsOf(tensor(images), tf.tensor3d(cotangents, [images.samples, rows, classes]));
                    const squares = tf.sum(tf.square(gradients), 2);
                    const sizes = tf.abs(tf.tensor2d(gaps, [images.samples, rows]));
                    const chosen = tf.oneHot(tf.argMin(tf.div(sizes, tf.sqrt(squares)), 1), rows, 1, 0, "float32");
                    const weights = tf.mul(chosen, tf.div(sizes, squares));
                    return tf.sum(tf.mul(gradients, tf.expandDims(weights, 2)), 1);
                  }),
                ),
              ),
          },
          facts,
          x,
        ),
    };
  },
};
