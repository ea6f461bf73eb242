// Kills long runs at random moments, lets them go on, and compares what they end in with runs that nothing interrupted.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { meetTroubles } from "./kills/disk.mjs";
import { beginning, commandsIn, differences, goingOn, progressIn, start } from "./kills/runs.mjs";

const HELP = `npm run kills -- [options]

Starts nudge universal and nudge deepfool on the embedded model and digits, with a checkpoint as often as there can be one. Each
run is ended by SIGKILL at a random moment and goes on by --resume, until it ends by itself. All files of its output folder must
then have the bytes of a run that nothing interrupted; of report.json the times are left out. Half of the kills hit the whole
command, half the process in front only; a third wait until a file is being written. Then the disk is filled, and made read-only,
under runs of both commands (Linux only).

  --times N       runs of each command (default 20)
  --seed S        of the moments (default 1)
  --only NAME     universal, deepfool or disk
  --keep          leave the folders of runs with faults

Exit code 1 where bytes differ, a checkpoint is damaged or missing, a run does not go on, or an error is not as promised.`;

/** A run that is killed so often may end. */
const MOST_KILLS = 12;
const PARTS = ["universal", "deepfool", "disk"];

const { values } = parseArgs({
  options: {
    times: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    keep: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
    // Set by this script where it starts itself in a mount namespace.
    "in-namespace": { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const [times, seed] = [Number(values.times), Number(values.seed)];
if (!Number.isInteger(times) || times < 1 || !Number.isInteger(seed) || (values.only && !PARTS.includes(values.only))) {
  console.error(`kills: --times and --seed are whole numbers, --only is one of ${PARTS.join(", ")}`);
  process.exit(2);
}

/** Mulberry32: numbers in [0, 1) by a seed. */
function randomBy(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const place = mkdtempSync(join(tmpdir(), "nudge-kills-"));
const commands = commandsIn(join(place, "inputs"));
let faults = 0;
process.on("exit", () => {
  if (values.keep && faults > 0) console.log(`the folders are kept in ${place}`);
  else rmSync(place, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, (_name, number) => process.exit(128 + number));

const expectedOf = ({ name }) => join(place, `${name}-uninterrupted`);

/** A run without interruptions and, as it takes less than 10 s, without checkpoints between the first and those of passes. */
async function uninterrupted(command) {
  const { code, lines, seconds } = await start(command.name, [...command.args, "--output", expectedOf(command)]).ended;
  if (code !== 0) throw new Error(`nudge ${command.name} fails without interruptions: ${lines.at(-1)}`);
  return seconds;
}

/** A run that is killed until it ends by itself. Returns where it was killed, and what is wrong with it. */
async function killedRun(command, folder, seconds, random) {
  const stages = [];
  let [before, unfinished, anew] = [-2, 0, 0];
  for (;;) {
    const now = await progressIn(folder);
    const begins = now.progress === -2;
    if (begins && stages.length > 0) anew++;
    const { child, ended } = start(command.name, begins ? beginning(command, folder) : goingOn(folder));
    const [moment, all, inWriting] = [random() * seconds * 1000, random() < 0.5, random() < 1 / 3];
    const kill = () => {
      try {
        process.kill(all ? -child.pid : child.pid, "SIGKILL");
      } catch {
        // It has ended just now.
      }
    };
    let watcher;
    const timer = setTimeout(() => {
      if (!inWriting || !existsSync(folder)) kill();
      else watcher = watch(folder, (_event, name) => name?.endsWith(".tmp") && kill());
    }, moment);
    if (stages.length >= MOST_KILLS) clearTimeout(timer);
    const { code, signal, lines } = await ended;
    clearTimeout(timer);
    watcher?.close();
    if (signal !== "SIGKILL" && code === 0 && stages.length === 0) {
      // It was over sooner than the moment drawn.
      rmSync(folder, { recursive: true });
      continue;
    }
    if (signal !== "SIGKILL") {
      if (code !== 0) return { stages, unfinished, anew, fault: `exit code ${code}: ${lines.at(-1)}` };
      const files = differences(folder, expectedOf(command));
      return { stages, unfinished, anew, fault: files.length > 0 ? `other bytes in ${files.join(", ")}` : undefined };
    }
    const at = await progressIn(folder);
    stages.push(at.stage);
    unfinished += at.unfinished;
    if (at.progress < before) return { stages, unfinished, anew, fault: `the checkpoint went back to ${at.stage}` };
    before = at.progress;
  }
}

/** How often runs were killed in which part of their work. */
function describeStages(stages) {
  const counts = new Map();
  for (const stage of stages) {
    const part =
      { "-": "before the first checkpoint", start: "before the first state", done: "with the results written" }[stage] ??
      "after a state was kept";
    counts.set(part, (counts.get(part) ?? 0) + 1);
  }
  return [...counts].map(([part, count]) => `${count} ${part}`).join(", ");
}

async function killRuns(command, random) {
  const seconds = await uninterrupted(command);
  const last = command.name === "universal" ? "passes:images of the next" : "images done";
  console.log(`\nnudge ${command.name}, ${seconds.toFixed(1)} s uninterrupted; killed with its last checkpoint at (${last})\n`);
  console.log(`${"run".padStart(3)}${"kills".padStart(7)}  ${"outputs".padEnd(12)}killed at`);
  const all = { stages: [], unfinished: 0, anew: 0, faults: 0 };
  for (let run = 1; run <= times; run++) {
    const folder = join(place, `${command.name}-${run}`);
    const { stages, unfinished, anew, fault } = await killedRun(command, folder, seconds, random).catch((error) => ({
      ...{ stages: [], unfinished: 0, anew: 0, fault: error.message },
    }));
    console.log(
      `${String(run).padStart(3)}${String(stages.length).padStart(7)}  ${(fault ? "FAULT" : "same bytes").padEnd(12)}${stages.join(" ")}`,
    );
    if (fault) console.log(`  ${fault}`);
    else rmSync(folder, { recursive: true, force: true });
    all.stages.push(...stages);
    all.unfinished += unfinished;
    all.anew += anew;
    if (fault) all.faults++;
  }
  faults += all.faults;
  console.log(
    `\n${times} runs, ${all.stages.length} kills (${describeStages(all.stages)}), ${all.unfinished} in the middle of writing, ` +
      `${all.anew} begun anew, ${all.faults} faults`,
  );
}

/** The disk's part needs mounts of its own. Resolves with the number of faults; undefined where there can be none. */
function inNamespace() {
  const unshare = ["--map-root-user", "--mount"];
  if (process.platform !== "linux" || spawnSync("unshare", [...unshare, "true"]).status !== 0) return undefined;
  const again = [...unshare, process.execPath, fileURLToPath(import.meta.url), "--only", "disk", "--in-namespace"];
  const child = spawn("unshare", [...again, ...(values.keep ? ["--keep"] : [])], { stdio: "inherit" });
  return new Promise((resolve) => child.on("close", (code) => resolve(code === 0 ? 0 : 1)));
}

const random = randomBy(seed);
const started = performance.now();
for (const command of commands) if (!values.only || values.only === command.name) await killRuns(command, random);
if (values["in-namespace"]) {
  for (const command of commands) await uninterrupted(command);
  faults += await meetTroubles(commands, place, expectedOf);
} else {
  if (!values.only || values.only === "disk") {
    const found = await inNamespace();
    if (found === undefined) console.log("\nfull and read-only disks: skipped, unshare --map-root-user --mount does not work here");
    else faults += found;
  }
  console.log(`\n${faults === 0 ? "no faults" : "FAULTS"}, seed ${seed}, ${((performance.now() - started) / 1000).toFixed(0)} s`);
}
process.exit(faults > 0 ? 1 : 0);
