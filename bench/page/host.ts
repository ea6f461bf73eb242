/**
 * The page of one contestant. Node calls `window.bench`; inputs come from and answers go to the server that gave the page, so
 * that no time is spent on the debugger's protocol while a clock runs.
 */
import type { Batch, Contestant, Net, NetFacts } from "./contestant.ts";
import { countGpuMemory, peakBytes } from "./memory.ts";
import { compilingMs, countPipelines, pipelinesMade } from "./pipelines.ts";

export type Work =
  | { readonly kind: "forward"; readonly samples: number }
  | { readonly kind: "vjp"; readonly samples: number }
  | { readonly kind: "jacobian"; readonly samples: number; readonly rows: number }
  | { readonly kind: "deepfool"; readonly samples: number };

export interface Timing {
  /** From the call to the result on the host. */
  readonly ms: number;
  /** Since the page was opened. */
  readonly peakBytes: number;
  readonly pipelines: number;
  /** Of these, the time spent waiting for asynchronous compilations. */
  readonly compilingMs: number;
}

export interface Bench {
  /** Fetches a network's bytes and images and wakes the GPU process; loads nothing yet. */
  fetch(model: string, facts: NetFacts): Promise<void>;
  /** From bytes to the logits of the first sample: device, reading, planning, compiling, uploading, running, readback. */
  cold(answer?: string): Promise<Timing>;
  /** Loads the network, if that has not happened. */
  load(): Promise<void>;
  /** One call, timed. Its result goes to the server under the name `answer`, if given, after the clock has stopped. */
  run(work: Work, answer?: string): Promise<Timing>;
}

declare global {
  interface Window {
    bench: Bench;
  }
}

countGpuMemory();
countPipelines();

async function fetchBytes(path: string): Promise<Uint8Array> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function post(answer: string, parts: readonly Float32Array[]): Promise<void> {
  const response = await fetch(`/answers/${answer}`, {
    method: "POST",
    body: new Blob(parts as readonly Float32Array<ArrayBuffer>[] as Float32Array<ArrayBuffer>[]),
  });
  if (!response.ok) throw new Error(`answer ${answer}: ${response.status}`);
}

/** One output of each sample: class 0 of the first, class 1 of the second, and so on. */
function oneOutputEach(samples: number, classes: number): Float32Array {
  const cotangent = new Float32Array(samples * classes);
  for (let i = 0; i < samples; i++) cotangent[i * classes + (i % classes)] = 1;
  return cotangent;
}

export function hostContestant(contestant: Contestant): void {
  let facts: NetFacts;
  let bytes: Uint8Array;
  let images: Float32Array;
  let net: Promise<Net> | undefined;

  const batch = (samples: number): Batch => {
    const elements = facts.shape.reduce((product, extent) => product * extent, 1);
    return { samples, data: images.slice(0, samples * elements) };
  };
  const timing = (started: number): Timing => ({
    ms: performance.now() - started,
    peakBytes: peakBytes(),
    pipelines: pipelinesMade(),
    compilingMs: compilingMs(),
  });
  const load = () => (net ??= contestant.load(bytes, facts));

  const call = async (loaded: Net, work: Work, x: Batch, cotangent: Float32Array): Promise<readonly Float32Array[]> => {
    const missing = () => new Error(`no ${work.kind}`);
    switch (work.kind) {
      case "forward":
        return [await loaded.forward(x)];
      case "vjp":
        if (!loaded.vjp) throw missing();
        return [await loaded.vjp(x, cotangent)];
      case "jacobian":
        if (!loaded.jacobian) throw missing();
        return [await loaded.jacobian(x, work.rows)];
      case "deepfool": {
        if (!loaded.deepfool) throw missing();
        const { labels, newLabels, norms } = await loaded.deepfool(x);
        return [labels, newLabels, norms];
      }
    }
  };

  window.bench = {
    async fetch(model, given) {
      facts = given;
      [bytes, images] = await Promise.all([
        fetchBytes(`/models/${model}.onnx`),
        fetchBytes(`/inputs/${model}.f32`).then((raw) => new Float32Array(raw.buffer as ArrayBuffer)),
      ]);
      const adapter = await navigator.gpu?.requestAdapter();
      (await adapter?.requestDevice())?.destroy();
    },
    async cold(answer) {
      const x = batch(1);
      const started = performance.now();
      const logits = await (await load()).forward(x);
      const time = timing(started);
      if (answer) await post(answer, [logits]);
      return time;
    },
    async load() {
      await load();
    },
    async run(work, answer) {
      const loaded = await load();
      const x = batch(work.samples);
      const cotangent = oneOutputEach(work.samples, facts.classes);
      const started = performance.now();
      const result = await call(loaded, work, x, cotangent);
      const time = timing(started);
      if (answer) await post(answer, result);
      return time;
    },
  };
}
