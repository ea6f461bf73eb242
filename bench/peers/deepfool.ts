/**
 * DeepFool as a user of a library with gradients writes it: a loop on the host around two compiled calls, the logits and one
 * step. Images that are finished leave the batch, so that no peer pays for them.
 *
 * l2, overshoot 0.02 applied where the gradient is taken and the label tested, 10 candidates chosen at the start: the rule
 * that Nudge calls "overshoot-inside".
 */
import type { Batch, NetFacts, Nudges } from "../page/contestant.ts";

const OVERSHOOT = 0.02;
const CANDIDATES = 10;
const MAX_ITERATIONS = 50;

export interface Steps {
  /** Logits [N, classes]. */
  logits(x: Batch): Promise<Float32Array>;
  /**
   * The step to the nearest hyperplane. cotangents [N, R, classes] hold +1 at a candidate and −1 at the label, gaps [N, R]
   * are candidate minus label. With w = the gradient of a row, the row with the least |gap| / ‖w‖ wins; its step is
   * |gap| / ‖w‖² · w. Returns [N, ...sample].
   */
  step(x: Batch, cotangents: Float32Array, gaps: Float32Array, rows: number): Promise<Float32Array>;
}

/** Indices of the k largest of a row, largest first. */
export function largest(row: Float32Array, k: number): number[] {
  return [...row.keys()].sort((a, b) => row[b]! - row[a]! || a - b).slice(0, k);
}

interface Image {
  readonly index: number;
  readonly label: number;
  readonly others: readonly number[];
  readonly walk: Float32Array;
  newLabel: number;
}

export async function deepfoolOn({ logits, step }: Steps, { shape, classes }: NetFacts, x: Batch): Promise<Nudges> {
  const elements = shape.reduce((product, extent) => product * extent, 1);
  const at = ({ index, walk }: Image) => {
    const image = x.data.slice(index * elements, (index + 1) * elements);
    for (let i = 0; i < elements; i++) image[i]! += (1 + OVERSHOOT) * walk[i]!;
    return image;
  };
  const batchOf = (images: readonly Image[]): Batch => {
    const data = new Float32Array(images.length * elements);
    for (const [i, image] of images.entries()) data.set(at(image), i * elements);
    return { samples: images.length, data };
  };

  let scores = await logits(x);
  const images = Array.from({ length: x.samples }, (_, index): Image => {
    const [label, ...others] = largest(scores.subarray(index * classes, (index + 1) * classes), Math.min(CANDIDATES, classes));
    return { index, label: label!, others, walk: new Float32Array(elements), newLabel: label! };
  });
  let active = images;
  for (let iteration = 0; iteration < MAX_ITERATIONS && active.length > 0; iteration++) {
    const rows = active[0]!.others.length;
    const cotangents = new Float32Array(active.length * rows * classes);
    const gaps = new Float32Array(active.length * rows);
    for (const [i, { label, others }] of active.entries()) {
      for (const [row, other] of others.entries()) {
        const first = (i * rows + row) * classes;
        cotangents[first + other] = 1;
        cotangents[first + label] = -1;
        gaps[i * rows + row] = scores[i * classes + other]! - scores[i * classes + label]!;
      }
    }
    const steps = await step(batchOf(active), cotangents, gaps, rows);
    for (const [i, { walk }] of active.entries()) {
      for (let k = 0; k < elements; k++) walk[k]! += steps[i * elements + k]!;
    }
    const tested = await logits(batchOf(active));
    for (const [i, image] of active.entries()) image.newLabel = largest(tested.subarray(i * classes, (i + 1) * classes), 1)[0]!;
    const left = [...active.keys()].filter((i) => active[i]!.newLabel === active[i]!.label);
    scores = Float32Array.from(left.flatMap((i) => [...tested.subarray(i * classes, (i + 1) * classes)]));
    active = left.map((i) => active[i]!);
  }
  return {
    labels: Float32Array.from(images, ({ label }) => label),
    newLabels: Float32Array.from(images, ({ newLabel }) => newLabel),
    norms: Float32Array.from(images, ({ walk }) => (1 + OVERSHOOT) * Math.hypot(...walk)),
  };
}

/** Samples rounded up to a power of two by repeating the last one, for libraries that compile once a shape. */
export function padded(x: Batch, elements: number): Batch {
  const samples = 2 ** Math.ceil(Math.log2(x.samples));
  return { samples, data: repeatLast(x.data, elements, samples) };
}

/** `data` holds rows of `stride`; the last is repeated until there are `count`. */
export function repeatLast(data: Float32Array, stride: number, count: number): Float32Array {
  const longer = new Float32Array(count * stride);
  longer.set(data);
  for (let at = data.length; at < longer.length; at += stride) longer.set(data.subarray(data.length - stride), at);
  return longer;
}

/** Every row of `stride` numbers `times` times, its copies side by side. */
export function repeatEach(data: Float32Array, stride: number, times: number): Float32Array {
  const longer = new Float32Array(data.length * times);
  for (let at = 0; at < longer.length; at += stride) {
    const row = Math.floor(at / (stride * times)) * stride;
    longer.set(data.subarray(row, row + stride), at);
  }
  return longer;
}
