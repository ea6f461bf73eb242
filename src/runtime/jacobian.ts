/** Rows of a Jacobian: which ones, and the launches that compute them, several rows to a backward pass. */
import { display } from "../options/fields.ts";
import { ArgumentError, throwIfAborted } from "./errors.ts";
import type { Work } from "./gpu/work.ts";
import type { DerivativeGraph } from "./graph/differentiate.ts";
import { sizeOf } from "./graph/graph.ts";
import type { Value } from "./graph/graph.ts";
import type { Part, Program } from "./plan/program.ts";

/** Which output elements: all, the K largest of each sample ("top10", largest first), or the same list for every sample. */
export type JacobianRows = "all" | `top${number}` | readonly number[];

export interface RowChoice {
  /** Rows of one sample. */
  readonly count: number;
  /** The same rows for every sample. Absent where they are a sample's largest outputs, which the forward pass has to say. */
  readonly fixed?: readonly number[];
}

/** Throws ArgumentError for rows that a model's output with so many classes has not. */
export function chooseRows(rows: JacobianRows, classes: number, model: string): RowChoice {
  const expected = 'expected "all", "top3" (any number of largest outputs) or a list of output indices';
  if (typeof rows !== "string" && !Array.isArray(rows)) throw new ArgumentError(`jacobian: option "rows" is ${display(rows)}, ${expected}`);
  if (rows === "all") return { count: classes, fixed: Array.from({ length: classes }, (_, i) => i) };
  if (typeof rows === "string") {
    const count = Number(/^top(\d+)$/.exec(rows)?.[1] ?? 0);
    if (count < 1) throw new ArgumentError(`jacobian: option "rows" is ${display(rows)}, ${expected}`);
    return { count: Math.min(count, classes) };
  }
  const list = [...(rows as readonly number[])];
  if (list.length === 0) throw new ArgumentError(`jacobian: option "rows" is an empty list, expected output indices`);
  const wrong = list.findIndex((row) => !Number.isInteger(row) || row < 0 || row >= classes);
  if (wrong >= 0) throw new ArgumentError(`row ${display(list[wrong])} is not among the ${classes} outputs of ${model}`);
  return { count: list.length, fixed: list };
}

/** Indices of the K largest entries, largest first, the lower index first among equals. */
export function largest(scores: Float32Array, count: number): number[] {
  return Array.from(scores, (score, index) => ({ score, index }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, count)
    .map(({ index }) => index);
}

const BYTES = 4;

/** A program of the adjoint graph whose inputs are fed, and where its rows go. */
export interface RowsRequest {
  /** The call's; its errors are thrown. */
  readonly work: Work;
  readonly label: string;
  readonly program: Program;
  readonly derivative: DerivativeGraph;
  readonly output: Value;
  readonly choice: RowChoice;
  readonly samples: number;
  /** [samples, count, ...input], and the byte at which these samples begin. */
  readonly target: GPUBuffer;
  readonly offset: number;
  readonly signal?: AbortSignal | undefined;
}

/** Backward passes under way at once, so that an abort is heard soon. */
const PASSES_AHEAD = 2;

/**
 * Computes the rows of the samples that the program was fed. The forward pass runs once; where rows depend on its outputs it
 * runs first, and the host reads them.
 */
export async function computeRows(request: RowsRequest): Promise<void> {
  const { work, label, program, derivative, output, choice, samples, target, offset, signal } = request;
  const classes = sizeOf(output.shape);
  const chunk = program.plan.rows;
  const rowBytes = sizeOf(derivative.result.shape) * BYTES;
  let rows: readonly (readonly number[])[];
  if (choice.fixed) rows = Array<readonly number[]>(samples).fill(choice.fixed);
  else {
    submit(work, label, program, samples, "forward");
    const scores = new Float32Array(await work.read(program.port(output), 0, samples * classes * BYTES));
    rows = Array.from({ length: samples }, (_, s) => largest(scores.subarray(s * classes, (s + 1) * classes), choice.count));
  }
  const underWay: Promise<void>[] = [];
  for (let row = 0; row < choice.count; row += chunk) {
    if (underWay.length === PASSES_AHEAD) await underWay.shift();
    throwIfAborted(signal);
    const here = Math.min(chunk, choice.count - row);
    const seeds = new Float32Array(samples * chunk * classes);
    for (let s = 0; s < samples; s++) {
      for (let r = 0; r < here; r++) seeds[(s * chunk + r) * classes + rows[s]![row + r]!] = 1;
    }
    work.scoped(label, () => work.gpu.device.queue.writeBuffer(program.port(derivative.seed), 0, seeds));
    submit(work, label, program, samples, choice.fixed && row === 0 ? "all" : "backward", (encoder) => {
      for (let s = 0; s < samples; s++) {
        const to = offset + (s * choice.count + row) * rowBytes;
        encoder.copyBufferToBuffer(program.port(derivative.result), s * chunk * rowBytes, target, to, here * rowBytes);
      }
    });
    if (choice.count > PASSES_AHEAD * chunk) underWay.push(work.gpu.idle());
  }
}

function submit(
  work: Work,
  label: string,
  program: Program,
  samples: number,
  part: Part,
  after?: (encoder: GPUCommandEncoder) => void,
): void {
  work.submit(label, (encoder) => {
    const pass = encoder.beginComputePass({ label });
    program.encode(pass, samples, part);
    pass.end();
    after?.(encoder);
  });
}
