/** Rows of a Jacobian: which ones, and the launches that compute them, several rows to a backward pass. */
import { ArgumentError, throwIfAborted } from "./errors.ts";
import type { GpuContext } from "./gpu/context.ts";
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
  if (rows === "all") return { count: classes, fixed: Array.from({ length: classes }, (_, i) => i) };
  if (typeof rows === "string") {
    const count = Number(rows.slice(3));
    if (!rows.startsWith("top") || !Number.isInteger(count) || count < 1)
      throw new ArgumentError(`rows "${rows}" is neither "all" nor "topK"`);
    return { count: Math.min(count, classes) };
  }
  const wrong = rows.find((row) => !Number.isInteger(row) || row < 0 || row >= classes);
  if (rows.length === 0 || wrong !== undefined)
    throw new ArgumentError(`row ${wrong ?? ""} is not among the ${classes} outputs of ${model}`);
  return { count: rows.length, fixed: rows };
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
  readonly gpu: GpuContext;
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

/**
 * Computes the rows of the samples that the program was fed. The forward pass runs once; where rows depend on its outputs it
 * runs first, and the host reads them.
 */
export async function computeRows(request: RowsRequest): Promise<void> {
  const { gpu, label, program, derivative, output, choice, samples, target, offset, signal } = request;
  const classes = sizeOf(output.shape);
  const chunk = program.plan.rows;
  const rowBytes = sizeOf(derivative.result.shape) * BYTES;
  let rows: readonly (readonly number[])[];
  if (choice.fixed) rows = Array<readonly number[]>(samples).fill(choice.fixed);
  else {
    submit(gpu, label, program, samples, "forward");
    const scores = new Float32Array(await gpu.read(program.port(output), 0, samples * classes * BYTES));
    rows = Array.from({ length: samples }, (_, s) => largest(scores.subarray(s * classes, (s + 1) * classes), choice.count));
  }
  for (let row = 0; row < choice.count; row += chunk) {
    throwIfAborted(signal);
    const here = Math.min(chunk, choice.count - row);
    const seeds = new Float32Array(samples * chunk * classes);
    for (let s = 0; s < samples; s++) {
      for (let r = 0; r < here; r++) seeds[(s * chunk + r) * classes + rows[s]![row + r]!] = 1;
    }
    gpu.device.queue.writeBuffer(program.port(derivative.seed), 0, seeds);
    submit(gpu, label, program, samples, choice.fixed && row === 0 ? "all" : "backward", (encoder) => {
      for (let s = 0; s < samples; s++) {
        const to = offset + (s * choice.count + row) * rowBytes;
        encoder.copyBufferToBuffer(program.port(derivative.result), s * chunk * rowBytes, target, to, here * rowBytes);
      }
    });
  }
}

function submit(
  gpu: GpuContext,
  label: string,
  program: Program,
  samples: number,
  part: Part,
  after?: (encoder: GPUCommandEncoder) => void,
): void {
  gpu.submit(label, (encoder) => {
    const pass = encoder.beginComputePass({ label });
    program.encode(pass, samples, part);
    pass.end();
    after?.(encoder);
  });
}
