/** onnxruntime-web's wasm backend as an independent reference for the forward pass. */
import * as ort from "onnxruntime-web";
import type { NdArray } from "../../src/index.ts";

ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

export class OrtReference {
  private constructor(private readonly session: ort.InferenceSession) {}

  static async load(bytes: Uint8Array): Promise<OrtReference> {
    return new OrtReference(await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], logSeverityLevel: 3 }));
  }

  /** Whether the file takes half-precision numbers. */
  get half(): boolean {
    const [input] = this.session.inputMetadata;
    return input?.isTensor === true && input.type === "float16";
  }

  get inputName(): string {
    return this.session.inputNames[0]!;
  }

  /** Runs samples x [N, ...] all together, or one by one as [1, ...] when the file freezes its batch. */
  async run(x: NdArray, oneByOne: boolean): Promise<{ name: string; data: Float32Array }[]> {
    const n = x.shape[0]!;
    const size = x.data.length / n;
    const runs = oneByOne ? Array.from({ length: n }, (_, i) => [i, 1] as const) : [[0, n] as const];
    const parts: Float32Array[][] = this.session.outputNames.map(() => []);
    for (const [first, count] of runs) {
      const numbers = x.data.slice(first * size, (first + count) * size);
      const shape = [count, ...x.shape.slice(1)];
      const tensor = this.half
        ? new ort.Tensor("float16", Uint16Array.from(numbers, toHalf), shape)
        : new ort.Tensor("float32", numbers, shape);
      const results = await this.session.run({ [this.inputName]: tensor });
      this.session.outputNames.forEach((name, i) => parts[i]!.push(floats(results[name]!)));
    }
    return this.session.outputNames.map((name, i) => ({ name, data: join(parts[i]!) }));
  }

  /** Runs once on named inputs of exactly the file's shapes; outputs by name. */
  async runNamed(feeds: Readonly<Record<string, NdArray>>): Promise<Record<string, Float32Array>> {
    const tensors = Object.entries(feeds).map(([name, { shape, data }]) => [name, new ort.Tensor("float32", data, shape)] as const);
    const results = await this.session.run(Object.fromEntries(tensors));
    return Object.fromEntries(this.session.outputNames.map((name) => [name, results[name]!.data as Float32Array]));
  }
}

/** The bits of the nearest half-precision number of a normal one, ties away from zero. */
function toHalf(x: number): number {
  const bits = new Uint32Array(Float32Array.of(x).buffer)[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = Math.abs(x);
  if (magnitude < 2 ** -14) return sign | Math.round(magnitude * 2 ** 24);
  return sign | (((bits & 0x7fffffff) + 0x1000 - 0x38000000) >>> 13);
}

function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 0x1f, bits & 0x3ff];
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function floats(tensor: ort.Tensor): Float32Array {
  if (tensor.type === "float16" && tensor.data instanceof Uint16Array) return Float32Array.from(tensor.data, fromHalf);
  return Float32Array.from(tensor.data as ArrayLike<number>, Number);
}

function join(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
