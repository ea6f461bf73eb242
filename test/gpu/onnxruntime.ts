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
      const tensor = new ort.Tensor("float32", x.data.slice(first * size, (first + count) * size), [count, ...x.shape.slice(1)]);
      const results = await this.session.run({ [this.inputName]: tensor });
      this.session.outputNames.forEach((name, i) => parts[i]!.push(results[name]!.data as Float32Array));
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

function join(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
