/**
 * Networks by code: the shapes of ResNet-18 and of the CIFAR ResNet-20 with random weights, for measuring speed where no
 * trained file is at hand. The same seed gives the same file everywhere.
 */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { NdArray } from "../../src/index.ts";
import type { TestConstant, TestModel, TestNode } from "../../test/reference/model.ts";

const OPSET = 17;

/** Standard normal numbers, two from each pair of uniform ones (Box and Muller). */
function normal(count: number, deviation: number, seed: number): Float32Array {
  const generator = xoroshiro128plus(seed);
  const data = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - uniformFloat64(generator)));
    const angle = 2 * Math.PI * uniformFloat64(generator);
    data[i] = radius * Math.cos(angle);
    if (i + 1 < count) data[i + 1] = radius * Math.sin(angle);
  }
  return data;
}

/** The second convolution of a block starts small, so that a network without normalisation keeps its scale (Fixup). */
const RESIDUAL_SCALE = 0.25;

class NetBuilder {
  readonly nodes: TestNode[] = [];
  readonly constants: Record<string, TestConstant> = {};

  constructor(private readonly seed: number) {}

  /** A constant drawn with He's deviation for its fan-in (He et al. 2015). */
  private weights(name: string, shape: readonly number[], fanIn: number, scale = 1): string {
    const count = shape.reduce((a, b) => a * b, 1);
    const data = normal(count, scale * Math.sqrt(2 / fanIn), this.seed + Object.keys(this.constants).length);
    this.constants[name] = { shape, data };
    return name;
  }

  private add(op: string, name: string, inputs: readonly string[], attributes: TestNode["attributes"] = {}): string {
    this.nodes.push({ op, name, inputs, outputs: [name], attributes });
    return name;
  }

  conv(name: string, x: string, [from, to]: readonly [number, number], kernel: number, stride: number, scale = 1): string {
    const w = this.weights(`${name}.weight`, [to, from, kernel, kernel], from * kernel * kernel, scale);
    const b = this.weights(`${name}.bias`, [to], 200);
    const pad = (kernel - 1) / 2;
    return this.add("Conv", name, [x, w, b], { strides: [stride, stride], pads: [pad, pad, pad, pad], kernel_shape: [kernel, kernel] });
  }

  relu(x: string): string {
    return this.add("Relu", `${x}.relu`, [x]);
  }

  maxPool(x: string): string {
    return this.add("MaxPool", `${x}.pool`, [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  }

  block(name: string, x: string, from: number, to: number, stride: number): string {
    const first = this.relu(this.conv(`${name}.conv1`, x, [from, to], 3, stride));
    const second = this.conv(`${name}.conv2`, first, [to, to], 3, 1, RESIDUAL_SCALE);
    const shortcut = stride === 1 && from === to ? x : this.conv(`${name}.shortcut`, x, [from, to], 1, stride);
    return this.relu(this.add("Add", `${name}.sum`, [second, shortcut]));
  }

  classifier(x: string, channels: number, bias: Float32Array): string {
    const classes = bias.length;
    const mean = this.add("GlobalAveragePool", "mean", [x]);
    const flat = this.add("Flatten", "flat", [mean], { axis: 1 });
    const w = this.weights("classifier.weight", [classes, channels], channels);
    this.constants["classifier.bias"] = { shape: [classes], data: bias };
    return this.add("Gemm", "logits", [flat, w, "classifier.bias"], { transB: 1 });
  }
}

export interface NetOptions {
  readonly classes: number;
  /** Height and width of the input. */
  readonly extent: number;
  /** Divides all channels, for tests. */
  readonly thinner?: number;
  readonly seed?: number;
  /** The last layer's; default zeros. See centringBias. */
  readonly bias?: Float32Array;
}

function build(net: NetBuilder, extent: number): TestModel {
  return {
    opset: OPSET,
    inputs: [{ name: "x", shape: [1, 3, extent, extent] }],
    nodes: net.nodes,
    constants: net.constants,
    outputs: ["logits"],
  };
}

/** ResNet-18 (He et al. 2016), its batch normalisations folded away: 1.8 billion multiply-adds at 224. */
export function resnet18({ classes, extent, thinner = 1, seed = 18, bias = new Float32Array(classes) }: NetOptions): TestModel {
  const net = new NetBuilder(seed);
  const widths = [64, 128, 256, 512].map((width) => width / thinner);
  let x = net.maxPool(net.relu(net.conv("stem", "x", [3, widths[0]!], 7, 2)));
  widths.forEach((width, stage) => {
    x = net.block(`stage${stage + 1}.block1`, x, widths[Math.max(0, stage - 1)]!, width, stage === 0 ? 1 : 2);
    x = net.block(`stage${stage + 1}.block2`, x, width, width, 1);
  });
  net.classifier(x, widths[3]!, bias);
  return build(net, extent);
}

/** The CIFAR ResNet-20 (He et al. 2016, section 4.2): 41 million multiply-adds at 32. */
export function resnet20({ classes, extent, thinner = 1, seed = 20, bias = new Float32Array(classes) }: NetOptions): TestModel {
  const net = new NetBuilder(seed);
  const widths = [16, 32, 64].map((width) => width / thinner);
  let x = net.relu(net.conv("stem", "x", [3, widths[0]!], 3, 1));
  widths.forEach((width, stage) => {
    for (let block = 1; block <= 3; block++) {
      const first = block === 1 && stage > 0;
      x = net.block(`stage${stage + 1}.block${block}`, x, first ? widths[stage - 1]! : width, width, first ? 2 : 1);
    }
  });
  net.classifier(x, widths[2]!, bias);
  return build(net, extent);
}

/**
 * How much of the mean logits is taken off. None: the boundaries of a random net are so far away that DeepFool needs 27 steps.
 * All: one step is always enough. Trained nets take two to five.
 */
const CENTRED = 0.95;

/**
 * The last layer's bias that brings the mean of each class's logit over some pictures near 0, from their logits [N, classes]
 * without it: a random net gives every picture nearly the same logits, with the boundaries far away.
 */
export function centringBias({ shape, data }: NdArray): Float32Array {
  const [count, classes] = shape as [number, number];
  const bias = new Float32Array(classes);
  data.forEach((logit, i) => (bias[i % classes]! -= (CENTRED * logit) / count));
  return bias;
}

const WAVES = 6;

/** Pictures in [0, 1] of a few waves each and a little noise: smooth as photographs are, and each another. */
export function pictures(count: number, extent: number, seed = 7): NdArray {
  const shape = [count, 3, extent, extent];
  const data = normal(count * 3 * extent * extent, 0.02, seed);
  const generator = xoroshiro128plus(seed + 1);
  for (let plane = 0; plane < 3 * count; plane++) {
    const waves = Array.from({ length: WAVES }, () => [0, 1, 2].map(() => uniformFloat64(generator)) as [number, number, number]);
    for (let y = 0; y < extent; y++) {
      for (let x = 0; x < extent; x++) {
        let sum = 0;
        for (const [a, b, phase] of waves) sum += Math.cos(2 * Math.PI * ((4 * a * x + 4 * b * y) / extent + phase));
        const at = (plane * extent + y) * extent + x;
        data[at] = Math.min(1, Math.max(0, 0.5 + (0.4 * sum) / WAVES + data[at]!));
      }
    }
  }
  return { shape, data };
}
