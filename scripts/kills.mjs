// Kills long runs of the command at random moments, resumes them, and compares every byte with a run that nobody disturbed.
//
//   npm run kills [-- --times 20] [--seed 1]
//
// `nudge universal` and `nudge deepfool` run on the embedded LeNet and digits, with a checkpoint every 0.2 s. Each is killed with
// SIGKILL, which no process can answer, and resumed until it has been killed --times times; a run that comes to its end meanwhile is
// begun anew. Ends with 1 where bytes differ, or where a run that was killed cannot be resumed. Needs dist/ (npm run build).

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { typescriptServer } from "./typescript.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({ options: { times: { type: "string", default: "20" }, seed: { type: "string", default: "1" } } });
const [times, seed] = [Number(values.times), Number(values.seed)];
if (!(Number.isInteger(times) && times > 0 && Number.isInteger(seed))) {
  console.error(`kills: --times ${values.times} --seed ${values.seed}: expected integers, at least one kill`);
  process.exit(2);
}

const place = mkdtempSync(join(tmpdir(), "nudge-kills-"));
process.on("exit", () => rmSync(place, { recursive: true, force: true }));

const server = await typescriptServer();
const { encodeNpy } = await server.ssrLoadModule("/src/data/npy.ts");
await server.close();
const PIXELS = 28 * 28;
function digits(count) {
  const bytes = readFileSync(join(ROOT, "models/mnist-digits.bin")).subarray(0, count * PIXELS);
  const file = join(place, `${count}.npy`);
  writeFileSync(file, encodeNpy({ shape: [count, 1, 28, 28], data: Float32Array.from(bytes, (x) => x / 255) }));
  return file;
}

const nudge = join(ROOT, "dist/nudge.js");
const common = ["--checkpoint-every", "0.2"];
const model = join(ROOT, "models/lenet.onnx");
const runs = {
  universal: [
    "universal",
    model,
    "--input",
    digits(60),
    "--norm",
    "linf",
    "--radius",
    "0.1",
    "--max-passes",
    "6",
    "--fooling-rate",
    "1",
    ...common,
  ],
  deepfool: ["deepfool", model, "--input", digits(640), "--norm", "l2", ...common],
};

/** Runs to the end, or to a kill after some seconds; the seconds it took, or undefined where it was killed. */
function run(args, killAfter) {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [nudge, ...args], { cwd: ROOT, stdio: ["ignore", "ignore", "pipe"], detached: true });
    let said = "";
    child.stderr.on("data", (text) => (said = (said + text).slice(-2000)));
    // The process in front and the one that works.
    const timer = killAfter && setTimeout(() => process.kill(-child.pid, "SIGKILL"), killAfter * 1000);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (signal === "SIGKILL") resolve(undefined);
      else if (code === 0) resolve((performance.now() - started) / 1000);
      else reject(new Error(`nudge ${args.join(" ")} ended with ${code}: ${said}`));
    });
  });
}

/** Every file of a folder by its bytes; times of day and of work are no results. */
function contentOf(folder) {
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => {
        const bytes = readFileSync(join(folder, name));
        const text =
          name.endsWith(".json") && JSON.stringify(JSON.parse(bytes), (key, value) => (/seconds|time|date/i.test(key) ? 0 : value));
        return [
          name,
          createHash("sha256")
            .update(text || bytes)
            .digest("hex"),
        ];
      }),
  );
}

const random = xoroshiro128plus(seed);
let failed = false;
for (const [name, args] of Object.entries(runs)) {
  const undisturbed = join(place, name);
  const seconds = await run([...args, "--output", undisturbed]);
  const expected = contentOf(undisturbed);
  let [kills, begun, ended, differing, afterResult] = [0, 0, 0, 0, 0];
  while (kills < times) {
    const output = join(place, `${name}-${begun++}`);
    let resumes = false;
    for (;;) {
      const killAfter = kills < times ? 0.3 + seconds * uniformFloat64(random) : 0;
      const took = await run(resumes ? [name, "--resume", output] : [...args, "--output", output], killAfter);
      if (took !== undefined) break;
      kills++;
      const left = existsSync(output) ? readdirSync(output) : [];
      if (left.includes("report.json") && !left.includes("checkpoint.nudge")) {
        afterResult++;
        break;
      }
      resumes = left.includes("checkpoint.nudge");
    }
    ended++;
    const found = contentOf(output);
    const wrong = [...new Set([...Object.keys(expected), ...Object.keys(found)])].filter((file) => expected[file] !== found[file]);
    if (wrong.length > 0) {
      differing++;
      console.log(`${name}, run ${begun}: ${wrong.join(", ")} differ`);
    }
  }
  failed ||= differing > 0;
  console.log(
    `${name.padEnd(10)} ${seconds.toFixed(1)} s undisturbed; ${kills} kills in ${ended} runs` +
      `${afterResult > 0 ? `, ${afterResult} after the results were written` : ""}; ${differing} runs differ`,
  );
}
process.exit(failed ? 1 : 0);
