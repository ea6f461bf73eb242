/**
 * Where the time of a network's forward and backward pass goes, launch by launch.
 *
 *   npm run bench:launches                                            LeNet, 32 samples, 9 cotangents each
 *   MODEL=resnet.onnx SAMPLES=4 ROWS=9 REPEATS=5 npm run bench:launches
 *
 * Each launch is repeated alone, and its processor time (all cores together) and wall time are divided by the repeats. On a
 * software adapter processor time is the better figure: it hardly minds what else the machine does.
 */
import { readFileSync } from "node:fs";
import { test } from "vitest";
import { openGpu } from "../src/cli/gpu.ts";

const { MODEL = "models/lenet.onnx", SAMPLES = "32", ROWS = "9", REPEATS = "10" } = process.env;

test(`launches of ${MODEL}`, { timeout: 600_000 }, async () => {
  const { engine } = await openGpu();
  const model = await engine.load(new Uint8Array(readFileSync(MODEL)), { name: MODEL });
  const [samples, rows, repeats] = [Number(SAMPLES), Number(ROWS), Number(REPEATS)];
  const { program } = await model.attackProgram(samples, rows);
  const { queue } = engine.device;

  const run = async (launch: number, times: number) => {
    const encoder = engine.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = 0; i < times; i++) program.encodeLaunch(pass, launch, samples);
    pass.end();
    queue.submit([encoder.finish()]);
    await queue.onSubmittedWorkDone();
  };

  const lines: string[] = [];
  let total = 0;
  for (const [i, launch] of program.plan.launches.entries()) {
    await run(i, 1);
    const [processor, wall] = [process.cpuUsage(), performance.now()];
    await run(i, repeats);
    const spent = process.cpuUsage(processor);
    const cpu = (spent.user + spent.system) / 1000 / repeats;
    const elapsed = (performance.now() - wall) / repeats;
    const copies = program.plan.copiesOf(launch.grid.lead);
    const rate = launch.macs > 0 ? `${((launch.macs * copies) / elapsed / 1e6).toFixed(2)} GMAC/s` : "";
    lines.push(
      `${launch.node.padEnd(32)} ${launch.kernel.name.padEnd(26)} ${cpu.toFixed(2).padStart(9)} ${elapsed.toFixed(2).padStart(9)}  ${rate}`,
    );
    total += cpu;
  }
  const { description, software } = engine.adapter;
  console.log(
    [
      `${description}${software ? " (software)" : ""}: ${samples} samples, ${rows} rows`,
      `${"node".padEnd(32)} ${"kernel".padEnd(26)} ${"cpu ms".padStart(9)} ${"wall ms".padStart(9)}`,
      ...lines,
      `processor time of one pass: ${total.toFixed(1)} ms`,
    ].join("\n"),
  );
});
