// A disk that is filled, and one that becomes read-only, under runs that write checkpoints. Both are real: a tmpfs in a mount
// namespace of this process (scripts/kills.mjs starts it by `unshare`), which needs no superuser.

import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beginning, differences, goingOn, progressIn, start } from "./runs.mjs";

const DISK = "size=8m";
const PATIENCE_MS = 60_000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const quietly = (...command) => {
  try {
    execFileSync(command[0], command.slice(1), { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

/** Takes all room that there is. Small pieces at the end, as large ones fail while a little is left. */
function fill(path) {
  for (let bytes = 2 ** 20; bytes >= 2 ** 12;) {
    try {
      appendFileSync(path, Buffer.alloc(bytes));
    } catch (error) {
      if (error.code !== "ENOSPC") throw error;
      bytes /= 2;
    }
  }
}

const troubles = [
  {
    name: "full disk",
    reason: "no space left on the device",
    // A checkpoint that is replaced gives its room back, so this goes on until the command ends.
    cause: (disk) => fill(join(disk, "filler")),
    mend: (disk) => rmSync(join(disk, "filler")),
  },
  {
    name: "read-only",
    reason: "the file system is read-only",
    // Refused while a file is open for writing.
    cause: (disk) => quietly("mount", "-o", `remount,ro,${DISK}`, disk),
    mend: (disk) => execFileSync("mount", ["-o", `remount,rw,${DISK}`, disk]),
  },
];

/** What is wrong with the end of a run that could not write, or undefined. */
function faultOf({ code, lines }, out, reason) {
  const said = lines.filter((line) => line.startsWith("nudge: "));
  if (code !== 1) return `exit code ${code}`;
  if (said.length !== 1) return `${said.length} errors instead of one`;
  return said[0].startsWith(`nudge: ${out}`) && said[0].includes(`${reason}; the last checkpoint is kept`) ? undefined : said[0];
}

/** One run: trouble once there is a checkpoint with a state, then the rest of the run. */
async function meet({ name, cause, mend, reason }, command, disk, expected) {
  const out = join(disk, "out");
  mkdirSync(disk, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", DISK, "tmpfs", disk]);
  const { child, ended } = start(command.name, beginning(command, out));
  let result;
  try {
    void ended.then((value) => (result = value));
    for (const end = performance.now() + PATIENCE_MS; !result; await sleep(2)) {
      if (performance.now() > end) return { fault: "the command neither ended nor failed" };
      if ((await progressIn(out)).progress >= 0) cause(disk);
    }
    const said = result.lines.at(-1);
    const { stage, progress } = await progressIn(out);
    mend(disk);
    const fault = faultOf(result, out, reason) ?? (progress >= 0 && progress < Infinity ? undefined : "no good checkpoint is left");
    if (fault) return { fault, said };
    const rest = await start(command.name, goingOn(out)).ended;
    if (rest.code !== 0) return { fault: rest.lines.at(-1), said };
    const files = differences(out, expected);
    return { stage, said, fault: files.length > 0 ? `other bytes in ${files.join(", ")}` : undefined };
  } catch (error) {
    return { fault: `${name}: ${error.message}` };
  } finally {
    if (!result) process.kill(-child.pid, "SIGKILL");
    await ended;
    quietly("umount", "-l", disk);
  }
}

/** Every trouble under every command, and whether the runs ended as they should. Prints a row each; returns the number of faults. */
export async function meetTroubles(commands, place, expectedOf) {
  let faults = 0;
  console.log(`\n${"command".padEnd(11)}${"trouble".padEnd(11)}${"kept at".padEnd(9)}outputs after --resume`);
  for (const command of commands) {
    for (const trouble of troubles) {
      const disk = join(place, `disk-${command.name}-${trouble.name.replace(" ", "-")}`);
      const { stage = "-", fault, said } = await meet(trouble, command, disk, expectedOf(command));
      if (fault) faults++;
      console.log(`${command.name.padEnd(11)}${trouble.name.padEnd(11)}${stage.padEnd(9)}${fault ? `FAULT: ${fault}` : "same bytes"}`);
      if (said) console.log(`  ${said.replaceAll(disk, "DISK")}`);
    }
  }
  return faults;
}
