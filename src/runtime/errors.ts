const MAX_MESSAGE = 10_000;

/** Every error Nudge throws on purpose is a NudgeError: its message is one line for a person, its fields are for programs. */
export class NudgeError extends Error {
  constructor(message: string) {
    // A file may give names and lists of megabytes.
    super(message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message);
    this.name = new.target.name;
  }
}

/** The bytes are not a readable ONNX model. */
export class OnnxFormatError extends NudgeError {}

/** One reason why a graph cannot be run. */
export interface UnsupportedNode {
  readonly op: string;
  readonly opset: number;
  readonly node: string;
  readonly attribute?: string;
  readonly reason: string;
}

/** A graph uses what no kernel covers; all such places are listed at once. */
export class UnsupportedOpError extends NudgeError {
  readonly unsupported: readonly UnsupportedNode[];
  /** The first place, spread out for the common case of one. */
  readonly op: string;
  readonly opset: number;
  readonly node: string;
  readonly attribute: string | undefined;

  constructor(unsupported: readonly UnsupportedNode[], totalNodes: number) {
    const lines = unsupported.map((u) => `node "${u.node}" (${u.op}, opset ${u.opset}): ${u.reason}`);
    const count = `${unsupported.length} of ${totalNodes} nodes ${unsupported.length === 1 ? "is" : "are"} unsupported`;
    super(`${lines.join("; ")}. ${count}; see docs/operators.md`);
    const first = unsupported[0]!;
    this.unsupported = unsupported;
    this.op = first.op;
    this.opset = first.opset;
    this.node = first.node;
    this.attribute = first.attribute;
  }
}

/** A tensor's shape does not fit where it is used. */
export class ShapeError extends NudgeError {}

/** A request that the graph or the options cannot meet (an unknown input name, a class index out of range, …). */
export class ArgumentError extends NudgeError {}

/**
 * More is needed than is there: of an adapter's limit, where splitting the work cannot help, or of what a file can justify.
 * `limit` names what is limited.
 */
export class LimitError extends NudgeError {
  constructor(
    readonly limit: string,
    readonly needed: number,
    readonly available: number,
    readonly where: string,
  ) {
    super(`${where}: ${limit}: ${needed} needed, ${available} allowed`);
  }
}

/** A WGSL module or pipeline did not compile; carries the compiler's messages and the linked source. */
export class ShaderCompileError extends NudgeError {
  constructor(
    readonly label: string,
    readonly messages: readonly string[],
    readonly source: string,
  ) {
    super(`shader ${label} does not compile: ${messages.join(" | ")}`);
  }
}

/** The device reported a validation, memory or internal error while work of ours was encoded or run. */
export class GpuError extends NudgeError {}

/** The GPU device is gone. */
export class DeviceLostError extends NudgeError {}

/** No WebGPU adapter, or none that fits the request. */
export class AdapterError extends NudgeError {}

/** An engine, model or tensor is used after dispose(). */
export class DisposedError extends NudgeError {}

/** Bytes that should be a checkpoint are damaged, truncated, of another version, or something else. */
export class CheckpointError extends NudgeError {}

/** A number that is NaN or infinite, found by the option check: "finite": the first node of the network that gives one. */
export class NonFiniteError extends NudgeError {
  constructor(
    /** Name and op of the node, or the name of an input and undefined. */
    readonly node: string,
    readonly op: string | undefined,
    readonly sample: number,
    readonly element: number,
    readonly value: number,
  ) {
    const place = op === undefined ? `input "${node}"` : `node "${node}" (${op})`;
    super(`${place} gives ${value} at sample ${sample}, element ${element}; what comes before it is finite`);
  }
}

/** Settles as the promise does, or rejects with the signal's reason once that is aborted; the promise is heard in either case. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  promise.catch(() => undefined);
  signal.throwIfAborted();
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener("abort", stop);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", stop!);
  }
}

/** Throws the signal's reason as soon as it is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  signal?.throwIfAborted();
}
