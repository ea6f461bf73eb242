// The process in front of the one that works.
//
// Dawn, the Vulkan loader and drivers write to stderr past JavaScript (lavapipe alone causes two warnings a start), and a
// driver may crash outright. So the work happens in a child: its file descriptor 2 ends here and is shown only when the
// child dies, and descriptor 3 is the real stderr, where `nudge` writes its own lines. The cost is one start of Node.

import { spawn } from "node:child_process";
import { writeSync } from "node:fs";
import { isatty, WriteStream } from "node:tty";
import type { Sink } from "./terminal.ts";

const MARK = "NUDGE_GUARDED";
const REAL_STDERR = 3;
/** Native output that is kept for a death notice, in characters. */
const LAST_WORDS = 4096;

const guarded = process.env[MARK] === "1";
delete process.env[MARK]; // children of this process are on their own

/** Whether this process is the child, or needs none. */
export function worksHere(): boolean {
  // Windows has no such noise, and other rules for inherited descriptors.
  return guarded || process.platform === "win32";
}

/** The descriptor of the stderr that the user sees. */
export const stderrFd = guarded ? REAL_STDERR : 2;

/** The stderr that the user sees. */
export function realStderr(): Sink {
  if (!guarded) return process.stderr;
  return isatty(REAL_STDERR) ? new WriteStream(REAL_STDERR) : { write: writeAll };
}

/** Writes at once, also to a pipe that is full for the moment; to one that nobody reads, nothing. */
function writeAll(text: string): void {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(REAL_STDERR, rest));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
    }
  }
}

/**
 * Runs this same command line in a child and returns its exit code.
 * @param failure the exit code for a child that died
 */
export function runGuarded(failure: number): Promise<number> {
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ["inherit", "inherit", process.argv.includes("--debug") ? "inherit" : "pipe", 2, "ipc"],
    env: { ...process.env, [MARK]: "1" },
  });
  let lastWords = "";
  child.stderr?.on("data", (chunk: Buffer) => (lastWords = (lastWords + chunk.toString()).slice(-LAST_WORDS)));
  // Ctrl-C reaches the child by itself, as part of the terminal's process group; the rest is handed on.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve) => {
    child.on("error", (error) => resolve(dieWith(`cannot start Node: ${error.message}`, failure)));
    child.on("close", (code, signal) => {
      const ending = signal ?? (code !== null && code <= 2 ? undefined : `exit code ${code}`);
      resolve(ending === undefined ? code! : dieWith(deathNotice(ending, lastWords), failure));
    });
  });
}

function dieWith(message: string, code: number): number {
  process.stderr.write(`nudge: ${message}\n`);
  return code;
}

/** One line about a process that could not speak for itself. */
function deathNotice(ending: string, lastWords: string): string {
  if (ending === "SIGINT" || ending === "SIGTERM") return "interrupted";
  if (ending === "SIGKILL") return "ended by SIGKILL; the system may have run out of memory";
  const line = lastWords
    .split("\n")
    .map((text) => text.trim())
    .findLast((text) => text !== "");
  return `the GPU driver or Node crashed (${ending})${line ? `: ${line}` : ""}; --debug shows all it wrote`;
}
