/** The rows of the comparison: what is done, how equal the answers must be, and the ratio aimed at. */
import type { Work } from "./page/host.ts";

export type Measure = "time" | "memory";

export interface Row {
  readonly id: string;
  readonly title: string;
  readonly measure: Measure;
  /** Absent for the cold start, which is no call of a loaded network. */
  readonly work?: Work;
  readonly samples: number;
  /** Most relative l2 distance between a peer's answer and Nudge's. DeepFool: of norms; its labels must be the same. */
  readonly bound: number;
  /** Best peer / Nudge: how many times faster, or how many times less memory. */
  readonly target: number;
  /** The target where only onnxruntime-web runs the network. */
  readonly targetAgainstOrtAlone?: number;
  /** Left out for heavy networks in a quick run. */
  readonly heavyInBatch: boolean;
}

/** Sums of different order differ by rounding; gradients pass through kinks and compound it. */
const FORWARD_BOUND = 1e-4;
const GRADIENT_BOUND = 1e-3;
/** A walk of several steps, each from where the last one ended. */
const DEEPFOOL_BOUND = 1e-2;
const JACOBIAN_ROWS = 10;

function row(kind: Work["kind"], samples: number, title: string, bound: number, target: number, ortAlone?: number): Row {
  const work: Work = kind === "jacobian" ? { kind, samples, rows: JACOBIAN_ROWS } : { kind, samples };
  return {
    id: `${kind}-${samples}`,
    title: `${title} ×${samples}`,
    measure: "time",
    work,
    samples,
    bound,
    target,
    ...(ortAlone !== undefined && { targetAgainstOrtAlone: ortAlone }),
    heavyInBatch: samples > 1,
  };
}

const memory = (of: Row): Row => ({ ...of, id: `memory-${of.id}`, title: `peak memory: ${of.title}`, measure: "memory", target: 1 });

const forward = [row("forward", 1, "forward", FORWARD_BOUND, 2.5, 8), row("forward", 32, "forward", FORWARD_BOUND, 2, 8)];
const jacobian = [1, 32].map((samples) => row("jacobian", samples, "top-10 Jacobian", GRADIENT_BOUND, 10));

export const rows: readonly Row[] = [
  { id: "cold", title: "cold start", measure: "time", samples: 1, bound: FORWARD_BOUND, target: 4, heavyInBatch: false },
  forward[0]!,
  row("vjp", 1, "gradient", GRADIENT_BOUND, 3),
  jacobian[0]!,
  row("deepfool", 1, "DeepFool", DEEPFOOL_BOUND, 8),
  forward[1]!,
  row("vjp", 32, "gradient", GRADIENT_BOUND, 3),
  jacobian[1]!,
  row("deepfool", 32, "DeepFool", DEEPFOOL_BOUND, 20),
  memory(forward[0]!),
  memory(forward[1]!),
  memory(jacobian[0]!),
];
