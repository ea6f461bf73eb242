/**
 * What single operations cost inside a kernel's loop: loads of numbers and vectors, exchanges between invocations, and
 * multiply-adds with what a loop carries. Kernels for software adapters are built on these (docs/performance.md).
 *
 *   npm run bench:operations
 *
 * Nanoseconds of processor time for a quad of invocations, above a loop that only adds; the third least of eleven runs in turns.
 */
import { test } from "vitest";
import { openGpu } from "../src/cli/gpu.ts";

const GROUPS = 256;
const LANES = 64;
const ROUNDS = 64;
/** Operations written out in one round of the loop, and runs of each kernel. */
const WRITTEN = 8;
const RUNS = 11;

const repeated = (count: number, line: (i: number) => string) => Array.from({ length: count }, (_, i) => line(i)).join("\n");

/** `line`: one operation, with `s` to add to and `t` to take. What it adds changes from one to the next. */
const operation = (line: (i: number) => string) => `for (var i = 0u; i < ${ROUNDS}u; i++) {
  ${repeated(WRITTEN, (i) => `{ ${line(i)} } t = t.yzwx * 1.01;`)}
}`;

/** Sixteen sums of four numbers each, `written` steps of 64 multiply-adds to a round of the loop. */
const products = (written: number) => `${repeated(16, (m) => `var s${m} = vec4f();`)}
for (var i = 0u; i < ${ROUNDS * WRITTEN}u; i += ${written}u) {
  ${repeated(written, (k) => `{ let x = t * f32(i + ${k}u); let w = t + f32(i + ${k}u); ${repeated(16, (m) => `s${m} += w.${"xyzw"[m % 4]} * x.${"xyzw".slice(m / 4)}${"xyzw".slice(0, m / 4)};`)} }`)}
}
s = ${Array.from({ length: 16 }, (_, m) => `s${m}`).join(" + ")};`;

const cases: Readonly<Record<string, string>> = {
  "one addition": operation(() => "s += t;"),
  "load of a number, an address to each": operation((i) => `s.x += numbers[i * 64u + id.x + ${9 * i}u];`),
  "load of a number, one address for all": operation((i) => `s.x += numbers[i * 64u + ${9 * i}u];`),
  "load of a vec4": operation((i) => `s += vectors[i * 64u + id.x + ${i}u];`),
  "quadSwapX of a vec4": operation(() => "s += quadSwapX(t);"),
  "quadSwapDiagonal of a vec4": operation(() => "s += quadSwapDiagonal(t);"),
  "subgroupBroadcast of a vec4": operation((i) => `s += subgroupBroadcast(t, ${i % 4}u);`),
  "quadBroadcast of a vec4": operation((i) => `s += quadBroadcast(t, ${i % 4}u);`),
  "64 multiply-adds, one step a round": products(1),
  "64 multiply-adds, two steps a round": products(2),
  "64 multiply-adds, four steps a round": products(4),
};

const kernel = (body: string) => `enable subgroups;
@group(0) @binding(0) var<storage, read> numbers: array<f32>;
@group(0) @binding(1) var<storage, read> vectors: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> output: array<f32>;
@compute @workgroup_size(${LANES}) fn main(@builtin(global_invocation_id) id: vec3u) {
  var s = vec4f();
  var t = vec4f(numbers[id.x], numbers[id.x + 1u], numbers[id.x + 2u], vectors[0].x);
  ${body}
  output[id.x] = dot(s + t, vec4f(1.0));
}`;

test("operations", { timeout: 600_000 }, async () => {
  const { engine } = await openGpu();
  const { device } = engine;
  if (!device.features.has("subgroups")) throw new Error("this adapter has no subgroups");
  const [numbers, vectors, output] = Array.from({ length: 3 }, () => device.createBuffer({ size: 2 ** 20, usage: GPUBufferUsage.STORAGE }));
  const made = await Promise.all(
    Object.entries(cases).map(async ([name, body]) => {
      const module = device.createShaderModule({ code: kernel(body) });
      const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
      const entries = [numbers!, vectors!, output!].map((buffer, binding) => ({ binding, resource: { buffer } }));
      const group = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
      return { name, pipeline, group, times: [] as number[] };
    }),
  );
  for (let run = 0; run < RUNS; run++) {
    for (const { pipeline, group, times } of made) {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(GROUPS);
      pass.end();
      const before = process.cpuUsage();
      device.queue.submit([encoder.finish()]);
      await device.queue.onSubmittedWorkDone();
      const { user, system } = process.cpuUsage(before);
      times.push(((user + system) * 1000) / ((GROUPS * LANES * ROUNDS * WRITTEN) / 4));
    }
  }
  const third = ({ times }: { times: number[] }) => times.sort((a, b) => a - b)[2]!;
  const [addition, ...others] = made.map((each) => ({ name: each.name, time: third(each) }));
  const { description, software } = engine.adapter;
  const lines = others.map(({ name, time }) => {
    const above = name.includes("multiply-adds") ? time : time - addition!.time;
    return `${name.padEnd(40)} ${above.toFixed(2).padStart(8)} ns`;
  });
  console.log([`${description}${software ? " (software)" : ""}`, ...lines].join("\n"));
});
