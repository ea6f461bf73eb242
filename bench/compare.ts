/** From cells of one row to a ratio, which exists only between contestants that gave the same answer. */
import { NUDGE } from "./contestants.ts";
import type { Row } from "./rows.ts";
import { relativeDistance, type Summary } from "./statistics.ts";

export type Cell =
  | (Summary & { readonly status: "measured"; readonly error: number; readonly pipelines: number; readonly compilingMs: number })
  /** Its answer differs from Nudge's. */
  | { readonly status: "unequal"; readonly error: number; readonly why: string }
  /** In its own words, shortened. */
  | { readonly status: "cannot"; readonly why: string }
  /** One call took longer than this; it was given up. Only a call that would have counted bounds the contestant's time. */
  | { readonly status: "slow"; readonly atLeast: number; readonly counts: boolean }
  /** Left out: the other build of the same peer was faster on this network. */
  | { readonly status: "omitted"; readonly why: string };

export type Cells = Readonly<Record<string, Cell>>;

export interface Verdict {
  /** Best peer / Nudge. */
  readonly ratio?: number;
  /** The ratio is a lower bound: the peers that could were given up. */
  readonly atLeast?: true;
  readonly best?: string;
  readonly target: number;
  readonly met?: boolean;
  /** Why there is no ratio. */
  readonly why?: string;
}

const ORT = /^ort-/;

/** How a peer's answer differs from Nudge's: the relative l2 distance, and in words if it is too much. */
export function difference(row: Row, answer: Float32Array, reference: Float32Array): { error: number; why?: string } {
  if (row.work?.kind === "deepfool") {
    // Labels, new labels, norms: a third each.
    const third = reference.length / 3;
    if (answer.length !== reference.length) return { error: Infinity, why: `${answer.length} numbers instead of ${reference.length}` };
    let labels = 0;
    for (let i = 0; i < third; i++) if (answer[i] !== reference[i] || answer[third + i] !== reference[third + i]) labels++;
    const error = relativeDistance(answer.subarray(2 * third), reference.subarray(2 * third));
    if (labels > 0) return { error, why: `other labels for ${labels} of ${third} images` };
    return error <= row.bound ? { error } : { error, why: `norms differ by ${error.toExponential(1)}` };
  }
  const error = relativeDistance(answer, reference);
  return error <= row.bound ? { error } : { error, why: `differs by ${error.toExponential(1)}` };
}

/** Never gives a ratio to a peer whose answer was unequal. */
export function judge(row: Row, cells: Cells): Verdict {
  const nudge = cells[NUDGE];
  const peers = Object.entries(cells).filter(([id]) => id !== NUDGE);
  const able = peers.filter(([, { status }]) => status === "measured" || status === "slow" || status === "unequal");
  const ortAlone = able.length > 0 && able.every(([id]) => ORT.test(id));
  const target = (ortAlone ? row.targetAgainstOrtAlone : undefined) ?? row.target;
  if (nudge?.status !== "measured") return { target, met: false, why: nudge?.status === "cannot" ? "Nudge cannot" : "no figure of Nudge" };

  const measured = peers.flatMap(([id, cell]) => (cell.status === "measured" ? [{ id, median: cell.median }] : []));
  if (measured.length > 0) {
    const best = measured.reduce((fast, other) => (other.median < fast.median ? other : fast));
    const ratio = best.median / nudge.median;
    return { ratio, best: best.id, target, met: ratio >= target };
  }
  // A peer that answers otherwise may be the fastest of all: no bound holds without it.
  if (peers.some(([, { status }]) => status === "unequal")) return { target, why: "answers differ" };
  if (peers.some(([, cell]) => cell.status === "slow" && !cell.counts)) return { target, why: "no peer was warm in time" };
  const slow = peers.flatMap(([id, cell]) => (cell.status === "slow" && cell.counts ? [{ id, atLeast: cell.atLeast }] : []));
  if (slow.length > 0) {
    const { id, atLeast } = slow.reduce((fast, other) => (other.atLeast < fast.atLeast ? other : fast));
    const ratio = atLeast / nudge.median;
    return { ratio, atLeast: true, best: id, target, ...(ratio >= target && { met: true }) };
  }
  return { target, why: "no peer can" };
}

/** A peer's error in a few words. */
export function inFewWords(message: string): string {
  const line = message.split("\n")[0]!.replace(/^(Uncaught )?(\w*Error: )+/, "");
  const op =
    /Unsupported ONNX operation: (\w+)/.exec(line)?.[1] ??
    /operator (\w+) is not supported/i.exec(line)?.[1] ??
    /not found: .*\b(\w+)\(\d+\)/.exec(line)?.[1];
  if (op) return `no ${op}`;
  const limit = 60;
  return line.length > limit ? `${line.slice(0, limit)}…` : line;
}
