/** How long a page waits for short work on the GPU, with empty submissions meanwhile and without (src/runtime/gpu/hasten.ts). */
import { hastened } from "../../src/runtime/gpu/hasten.ts";

export interface Waits {
  /** What the work is: rounds of a loop in each launch. */
  readonly rounds: number;
  /** Milliseconds from the first submission to the numbers on the host, one for each turn. */
  readonly times: Readonly<Record<Way, readonly number[]>>;
}

type Settles = Promise<unknown>;

/** Ways to wait: as it is, with the few empty submissions that readbacks send, and with one after another. */
const ways = {
  plain: (work: Settles) => work,
  hastened,
  "without a pause": async (work: Settles, queue: GPUQueue) => {
    let done = false;
    void work.finally(() => (done = true));
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      if (done) return port1.close();
      queue.submit([]);
      port2.postMessage(undefined);
    };
    port2.postMessage(undefined);
    await work;
  },
} as const;

export type Way = keyof typeof ways;

declare global {
  interface Window {
    measureReadback: (turns: number) => Promise<{ readonly adapter: string; readonly waits: readonly Waits[] }>;
  }
}

const LAUNCHES = 6;
/** Next to nothing, and more. */
const ROUNDS = [1, 1000, 4000] as const;
const WARM_UP = 10;
const BYTES = 256;
/** Milliseconds between two waits, so that the later does not profit from what Chrome still does about the earlier. */
const PAUSE = 8;

const kernel = `
override ROUNDS: u32;
@group(0) @binding(0) var<storage, read_write> output: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = output[lane];
  for (var i = 0u; i < ROUNDS; i++) { sum = sum * 0.99 + 1.0; }
  output[lane] = sum;
}`;

async function measure(device: GPUDevice, rounds: number, turns: number): Promise<Waits> {
  const module = device.createShaderModule({ code: kernel });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module, constants: { ROUNDS: rounds } } });
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const buffer = device.createBuffer({ size: BYTES, usage: STORAGE | COPY_SRC });
  const staging = device.createBuffer({ size: BYTES, usage: MAP_READ | COPY_DST });
  const entries = [{ binding: 0, resource: { buffer } }];
  const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });

  // As a model's run and a tensor's read: one submission each.
  const wait = async (way: Way): Promise<number> => {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    const begin = performance.now();
    const run = device.createCommandEncoder();
    const pass = run.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < LAUNCHES; i++) pass.dispatchWorkgroups(1);
    pass.end();
    device.queue.submit([run.finish()]);
    const copy = device.createCommandEncoder();
    copy.copyBufferToBuffer(buffer, 0, staging, 0, BYTES);
    device.queue.submit([copy.finish()]);
    await ways[way](staging.mapAsync(GPUMapMode.READ), device.queue);
    const waited = performance.now() - begin;
    staging.unmap();
    return waited;
  };

  const times: Record<Way, number[]> = { plain: [], hastened: [], "without a pause": [] };
  const takeTurns = async (first: Way, second: Way) => {
    for (let turn = 0; turn < WARM_UP + turns; turn++) {
      for (const way of turn % 2 === 0 ? [first, second] : [second, first]) {
        const waited = await wait(way);
        if (turn >= WARM_UP) times[way].push(waited);
      }
    }
  };
  await takeTurns("plain", "hastened");
  // Apart, because Chrome is busy with hundreds of submissions for a while.
  for (let turn = 0; turn < turns; turn++) times["without a pause"].push(await wait("without a pause"));
  for (const each of [buffer, staging]) each.destroy();
  return { rounds, times };
}

window.measureReadback = async (turns) => {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error("no WebGPU adapter");
  const device = await adapter.requestDevice();
  const waits: Waits[] = [];
  for (const rounds of ROUNDS) waits.push(await measure(device, rounds, turns));
  device.destroy();
  return { adapter: [adapter.info.vendor, adapter.info.architecture, adapter.info.description].filter(Boolean).join(" "), waits };
};
