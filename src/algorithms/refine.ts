/**
 * How far along its ray a perturbation has to go. DeepFool walks to boundaries that it estimates; where the network is flat, it
 * lands far beyond the one that it crossed. Bisection between an image and where its walk ended finds that boundary.
 */
import { NO_LABEL } from "./labels.ts";

/** Labels of x + factor · r for some images, each by its index. */
export type LabelsAlong = (images: readonly number[], factors: readonly number[]) => Promise<Uint32Array>;

export interface RayEnd {
  /** Of r: where the label differs. 1 where r is right as it is, more where rounding had left it short of the boundary. */
  readonly factor: number;
  /** There. */
  readonly label: number;
  /** Forward passes made. */
  readonly forwards: number;
  /** False where no factor that was tried changes the label. */
  readonly fooled: boolean;
}

export interface RefineSettings {
  /** η: r is 1 + η times a walk. */
  readonly overshoot: number;
  /** Bisections of an image at most. */
  readonly steps: number;
}

/** A boundary that lies so near the end of a walk, as a share of it, is the one that the walk was after: r stays as it is. */
const NEAR = 2 ** -10;
/** What is left of a bracket, as a share of its upper end, when bisection ends. */
const PRECISION = 2 ** -12;
/** Where r falls short by rounding: the first factor tried is 1 + SHORT, then four times as far, and so on. */
const SHORT = 2 ** -20;
const MOST_LENGTHENED = 8;

interface Ray {
  readonly image: number;
  readonly original: number;
  /** The label differs at `high`, and does not at `low`. */
  low: number;
  high: number;
  label: number;
  forwards: number;
  fooled: boolean;
}

/** Moves the ends of rays by what the label is at one factor of each. */
async function probe(rays: readonly Ray[], factorOf: (ray: Ray) => number, labelsAlong: LabelsAlong): Promise<void> {
  if (rays.length === 0) return;
  const factors = rays.map((ray) => Math.fround(factorOf(ray)));
  const labels = await labelsAlong(
    rays.map(({ image }) => image),
    factors,
  );
  rays.forEach((ray, i) => {
    const label = labels[i]!;
    ray.forwards++;
    if (label === ray.original || label === NO_LABEL) ray.low = factors[i]!;
    else Object.assign(ray, { high: factors[i]!, label, fooled: true });
  });
}

/**
 * For images by index with the label each had before: where the boundary on the way to r lies. An end where the label differs was
 * tried itself. All images that are still searching take each forward pass together.
 */
export async function refine(
  images: readonly { readonly image: number; readonly label: number }[],
  { overshoot, steps }: RefineSettings,
  labelsAlong: LabelsAlong,
): Promise<RayEnd[]> {
  const rays = images.map(({ image, label }): Ray => ({ image, original: label, low: 0, high: 1, label, forwards: 0, fooled: false }));
  await probe(rays, () => 1, labelsAlong);
  for (let k = 0; k < MOST_LENGTHENED; k++) {
    const short = rays.filter(({ fooled }) => !fooled);
    await probe(short, () => 1 + SHORT * 4 ** k, labelsAlong);
  }

  const far = rays.filter(({ fooled, high }) => fooled && high === 1);
  await probe(far, () => (1 - NEAR) / (1 + overshoot), labelsAlong);
  let open = far.filter(({ high }) => high < 1);
  open.forEach((ray) => (ray.low = 0));
  for (let step = 0; step < steps; step++) {
    open = open.filter(({ low, high }) => high - low > PRECISION * high);
    await probe(open, (ray) => between(ray, step), labelsAlong);
  }
  return rays.map(({ high, label, forwards, fooled }) => ({ factor: high, label, forwards, fooled }));
}

/** The least factor that is told from none. */
const LEAST = 2 ** -126;

/**
 * A factor inside the bracket. While no lower end is known, high / 2, high / 4, high / 16, …: the boundary may be nearer by any
 * power of ten. Then the geometric mean as long as the ends are of different orders, and the middle once they are near.
 */
function between({ low, high }: Ray, step: number): number {
  if (low === 0) return Math.max(high * 2 ** -(2 ** Math.min(step, 6)), LEAST);
  return high > 4 * low ? Math.sqrt(low) * Math.sqrt(high) : low + (high - low) / 2;
}
