/**
 * The shapes that the kernel benchmarks run: layers of real networks, by the numbers that describe them. Everything else
 * (graphs, floating-point operations, bytes, expected results) follows from these.
 */

interface Common {
  /** What `--only` matches and tables show: kernel, channels and extent of the layer. */
  readonly name: string;
  /** The networks that have the layer, or what stands behind it. */
  readonly source: string;
  readonly samples: number;
  /** One of the few that `--quick` runs. */
  readonly quick?: boolean;
  /** The derivative with respect to the (first) input runs instead of the op. */
  readonly adjoint?: boolean;
}

export interface ConvShape extends Common {
  readonly op: "conv";
  readonly channels: number;
  readonly outputs: number;
  /** Height and width of the input. */
  readonly size: readonly [number, number];
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number;
  readonly groups: number;
}

export interface MatmulShape extends Common {
  readonly op: "matmul";
  /** Matrices in one sample. */
  readonly batch: number;
  readonly height: number;
  readonly depth: number;
  readonly width: number;
  /** One constant B for all samples, as a dense layer has it; else each matrix has its own. */
  readonly sharedB: boolean;
}

export interface PoolShape extends Common {
  readonly op: "max_pool" | "average_pool";
  readonly channels: number;
  readonly size: readonly [number, number];
  readonly kernel: number;
  readonly stride: number;
  readonly pad: number;
}

export interface ReduceShape extends Common {
  readonly op: "reduce_mean" | "reduce_sum";
  /** Lines that stay, and the terms of each, which lie side by side. */
  readonly lines: number;
  readonly terms: number;
}

export interface SoftmaxShape extends Common {
  readonly op: "softmax";
  readonly lines: number;
  readonly extent: number;
}

export interface ElementwiseShape extends Common {
  readonly op: "relu" | "gelu" | "add";
  readonly elements: number;
}

export interface TransposeShape extends Common {
  readonly op: "transpose";
  readonly shape: readonly number[];
  readonly permutation: readonly number[];
}

export type Shape = ConvShape | MatmulShape | PoolShape | ReduceShape | SoftmaxShape | ElementwiseShape | TransposeShape;

type Options = Partial<Pick<Common, "samples" | "quick">>;

interface ConvOptions extends Options {
  readonly kernel?: number;
  readonly stride?: number;
  readonly groups?: number;
}

/** A square convolution with the padding that keeps the extent at stride 1. */
function conv(source: string, channels: number, outputs: number, extent: number, options: ConvOptions = {}): ConvShape {
  const { kernel = 3, stride = 1, groups = 1, samples = 1, quick = false } = options;
  const depthwise = groups > 1 && groups === channels;
  const batch = samples > 1 ? ` x${samples}` : "";
  const name = `${kernel}x${kernel}${stride > 1 ? `/${stride}` : ""} ${depthwise ? "dw " : ""}${channels}-${outputs} @${extent}${batch}`;
  const pad = (kernel - 1) / 2;
  return { op: "conv", name, source, samples, quick, channels, outputs, size: [extent, extent], kernel, stride, pad, groups };
}

function dense(source: string, lines: number, depth: number, width: number, options: Options = {}): MatmulShape {
  const { samples = lines, quick = false } = options;
  const name = `${lines}x${depth}x${width}`;
  return { op: "matmul", name, source, samples, quick, batch: 1, height: lines / samples, depth, width, sharedB: true };
}

function attention(source: string, batch: number, height: number, depth: number, width: number, options: Options = {}): MatmulShape {
  const { samples = 1, quick = false } = options;
  const name = `${batch} of ${height}x${depth}x${width}${samples > 1 ? ` x${samples}` : ""}`;
  return { op: "matmul", name, source, samples, quick, batch, height, depth, width, sharedB: false };
}

const convolutions: readonly ConvShape[] = [
  conv("ResNet, first layer", 3, 64, 224, { kernel: 7, stride: 2, quick: true }),
  conv("VGG, first layer", 3, 64, 224),
  conv("CIFAR ResNet-20, first layer", 3, 16, 32),
  conv("MNIST LeNet, second layer", 20, 50, 12, { kernel: 5 }),

  conv("ResNet-18/50 stage 1", 64, 64, 56, { quick: true }),
  conv("ResNet-18 stage 2, first", 64, 128, 56, { stride: 2 }),
  conv("ResNet-18/50 stage 2", 128, 128, 28),
  conv("ResNet-18 stage 3, first", 128, 256, 28, { stride: 2 }),
  conv("ResNet-18/50 stage 3", 256, 256, 14),
  conv("ResNet-18/50 stage 4", 512, 512, 7, { quick: true }),
  conv("ResNet-18 shortcut", 64, 128, 56, { kernel: 1, stride: 2 }),

  conv("ResNet-50 stage 1, widen", 64, 256, 56, { kernel: 1, quick: true }),
  conv("ResNet-50 stage 1, narrow", 256, 64, 56, { kernel: 1 }),
  conv("ResNet-50 stage 3, widen", 256, 1024, 14, { kernel: 1 }),
  conv("ResNet-50 stage 4, narrow", 2048, 512, 7, { kernel: 1 }),

  conv("CIFAR ResNet-20 stage 1", 16, 16, 32, { quick: true }),
  conv("CIFAR ResNet-20 stage 2", 32, 32, 16),
  conv("CIFAR ResNet-20 stage 3", 64, 64, 8),
  conv("CIFAR ResNet-20 stage 1", 16, 16, 32, { samples: 32 }),
  conv("CIFAR ResNet-20 stage 3", 64, 64, 8, { samples: 32 }),

  conv("MobileNet block 1, depthwise", 32, 32, 112, { groups: 32, quick: true }),
  conv("MobileNet block 2, depthwise", 64, 64, 112, { groups: 64, stride: 2 }),
  conv("MobileNet block 8, depthwise", 512, 512, 14, { groups: 512 }),
  conv("MobileNet block 1, pointwise", 32, 64, 112, { kernel: 1 }),
  conv("MobileNet block 8, pointwise", 512, 512, 14, { kernel: 1, quick: true }),
  conv("MobileNet 0.25 block 1, pointwise", 8, 16, 112, { kernel: 1 }),
  conv("MobileNet 0.25 block 8, pointwise", 128, 128, 14, { kernel: 1 }),

  conv("VGG block 1", 64, 64, 224),
  conv("VGG block 3", 256, 256, 56),
  conv("VGG block 5", 512, 512, 14),
  conv("the issue's target", 256, 256, 56, { samples: 32 }),
  conv("ResNet-18/50 stage 4", 512, 512, 7, { samples: 32 }),
];

const products: readonly MatmulShape[] = [
  dense("LeNet's dense layer, 32 digits", 32, 800, 500),
  dense("ResNet-50's classifier", 1, 2048, 1000),
  dense("ResNet-50's classifier, 32 images", 32, 2048, 1000, { quick: true }),
  dense("VGG's first dense layer", 1, 25_088, 4096),
  dense("cube", 512, 512, 512, { samples: 1, quick: true }),
  dense("cube", 1024, 1024, 1024, { samples: 1 }),
  dense("cube", 4096, 4096, 4096, { samples: 1 }),
  attention("ViT-B/16, scores", 12, 197, 64, 197, { quick: true }),
  attention("ViT-B/16, values", 12, 197, 197, 64),
  attention("ViT-B/16, scores, 8 images", 12, 197, 64, 197, { samples: 8 }),
];

const others: readonly Shape[] = [
  ...[
    { op: "max_pool", name: "3x3/2 64 @112", source: "ResNet", channels: 64, size: [112, 112], kernel: 3, stride: 2, pad: 1 } as const,
    { op: "max_pool", name: "2x2/2 64 @224", source: "VGG", channels: 64, size: [224, 224], kernel: 2, stride: 2, pad: 0 } as const,
    { op: "average_pool", name: "2x2/2 256 @28", source: "DenseNet", channels: 256, size: [28, 28], kernel: 2, stride: 2, pad: 0 } as const,
  ].map((pool) => ({ ...pool, samples: 1, quick: pool.kernel === 3 })),
  { op: "reduce_mean", name: "2048 of 49", source: "ResNet-50, global average", samples: 1, lines: 2048, terms: 49, quick: true },
  { op: "reduce_mean", name: "64 of 3136", source: "squeeze and excitation", samples: 1, lines: 64, terms: 3136 },
  { op: "reduce_sum", name: "1 of 802816", source: "a norm of an activation", samples: 1, lines: 1, terms: 802_816 },
  { op: "softmax", name: "32 of 1000", source: "class probabilities", samples: 32, lines: 1, extent: 1000 },
  { op: "softmax", name: "2364 of 197", source: "ViT-B/16, attention", samples: 1, lines: 12 * 197, extent: 197, quick: true },
  { op: "relu", name: "802816", source: "ResNet's first activation", samples: 1, elements: 802_816, quick: true },
  { op: "gelu", name: "605184", source: "ViT-B/16, MLP", samples: 1, elements: 197 * 3072 },
  { op: "add", name: "802816", source: "ResNet's residual sum", samples: 1, elements: 802_816 },
  { op: "add", name: "802816 x32", source: "ResNet's residual sum, 32 images", samples: 32, elements: 802_816 },
  { op: "transpose", name: "197x12x64", source: "ViT-B/16, heads", samples: 1, shape: [197, 12, 64], permutation: [1, 0, 2] },
  { op: "transpose", name: "64x3136", source: "NCHW to NHWC", samples: 1, shape: [64, 56 * 56], permutation: [1, 0], quick: true },
];

/** The derivative of a shape's op: the same numbers, run backwards. */
function adjointOf<T extends Shape>(shape: T): T {
  return { ...shape, name: `${shape.name} adjoint`, adjoint: true };
}

export const shapes: readonly Shape[] = [
  ...convolutions,
  ...convolutions.map(adjointOf),
  ...products,
  ...others,
  ...others.filter(({ op }) => op === "max_pool" || op === "average_pool" || op === "relu").map(adjointOf),
];

/** The class a shape belongs to in summaries and pictures. */
export function kindOf(shape: Shape): string {
  const adjoint = shape.adjoint ? ", adjoint" : "";
  if (shape.op === "matmul") return shape.sharedB ? "matmul, dense" : "matmul, batched";
  if (shape.op !== "conv") return `${shape.op.replaceAll("_", " ")}${adjoint}`;
  const { kernel, channels, groups } = shape;
  const form =
    groups > 1 && groups === channels ? "depthwise" : kernel === 1 ? "1x1" : channels <= 3 ? "first layer" : `${kernel}x${kernel}`;
  return `conv ${form}${adjoint}`;
}
