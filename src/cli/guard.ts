// The process in front of the one that works.
//
// Dawn, the Vulkan loader and drivers write to stderr past JavaScript (lavapipe alone causes two warnings a start), and a
// driver may crash outright. An import, a compilation or a driver may also keep the event loop from turning, and no signal is
// heard meanwhile. So the work happens in a child, which can be killed: its file descriptor 2 ends here and is shown only when
// the child dies, and descriptor 3 is the real stderr, where `nudge` writes its own lines. The cost is one start of Node.

import { spawn } from "node:child_process";
import { writeSync } from "node:fs";
import { constants } from "node:os";
import { isatty, WriteStream } from "node:tty";
import type { Sink } from "./terminal.ts";

/** Holds the process id of the parent. */
const MARK = "NUDGE_GUARDED";
const REAL_STDERR = 3;
/** Native output that is kept for a death notice, in characters. */
const LAST_WORDS = 4096;

/** Signals that end the command: Ctrl-C, kill, and a terminal that is closed. */
export const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type StopSignal = (typeof STOP_SIGNALS)[number];

/** How long the child may take to stop by itself, in milliseconds, before it leaves and before it is killed. */
export const STOP_MS = 300;
const KILL_MS = 450;
/** Signals that arrive within this time are one: a terminal, npm and this process may each pass it on. */
const SAME_SIGNAL_MS = 100;

const mark = process.env[MARK];
delete process.env[MARK]; // children of this process are on their own

/** The process id of the parent, in the child. */
export const parentPid = mark === undefined ? undefined : Number(mark);

/** Whether this process is the child, or needs none. */
export function worksHere(): boolean {
  // Windows has no such noise, and other rules for inherited descriptors.
  return parentPid !== undefined || process.platform === "win32";
}

/** The exit code of a command that a signal ended, as shells count: 128 and the signal's number. */
export function interruptedCode(signal: StopSignal): number {
  return 128 + constants.signals[signal];
}

/** The descriptor of the stderr that the user sees. */
export const stderrFd = parentPid === undefined ? 2 : REAL_STDERR;

/** The stderr that the user sees. */
export function realStderr(): Sink {
  const stream = parentPid === undefined ? process.stderr : isatty(REAL_STDERR) ? new WriteStream(REAL_STDERR) : undefined;
  // A terminal that was closed, or a pipe that nobody reads, is no reason to stop.
  return stream?.on("error", () => {}) ?? { write: writeAll };
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
 * Runs this same command line in a child and returns its exit code. The first signal is passed on and leaves the child a moment
 * to remove what it has begun to write; then, or at a second signal, it is killed.
 * @param failure the exit code for a child that died
 */
export function runGuarded(failure: number): Promise<number> {
  process.stderr.on("error", () => {});
  let stopping: StopSignal | undefined;
  let stoppedAt = 0;
  let kill: (signal: NodeJS.Signals) => void = () => {};
  for (const name of STOP_SIGNALS) {
    process.on(name, () => {
      if (stopping === undefined) {
        stopping = name;
        stoppedAt = performance.now();
        kill(name);
        setTimeout(() => kill("SIGKILL"), KILL_MS);
      } else if (performance.now() - stoppedAt > SAME_SIGNAL_MS) kill("SIGKILL");
    });
  }
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ["inherit", "inherit", process.argv.includes("--debug") ? "inherit" : "pipe", 2],
    env: { ...process.env, [MARK]: String(process.pid) },
  });
  kill = (signal) => child.kill(signal);
  let lastWords = "";
  child.stderr?.on("data", (chunk: Buffer) => (lastWords = (lastWords + chunk.toString()).slice(-LAST_WORDS)));
  return new Promise((resolve) => {
    let ended = false;
    const end = (code: number | null, signal: NodeJS.Signals | null) => {
      if (ended) return;
      ended = true;
      if (code !== null && code <= 2) return resolve(code);
      const stop = stopping ?? STOP_SIGNALS.find((name) => name === signal || interruptedCode(name) === code);
      if (stop !== undefined) return resolve(dieWith("interrupted", interruptedCode(stop)));
      resolve(dieWith(deathNotice(signal ?? `exit code ${code}`, lastWords), failure));
    };
    child.on("error", (error) => resolve(dieWith(`cannot start Node: ${error.message}`, failure)));
    // What the child started may hold its stderr open: an interrupted command does not wait for that.
    child.on("exit", (code, signal) => stopping !== undefined && end(code, signal));
    child.on("close", end);
  });
}

function dieWith(message: string, code: number): number {
  const line = process.stderr.isTTY ? "\r\u001b[K" : ""; // a progress line may stand there
  process.stderr.write(`${line}nudge: ${message}\n`);
  return code;
}

/** One line about a process that could not speak for itself. */
function deathNotice(ending: string, lastWords: string): string {
  if (ending === "SIGKILL") return "ended by SIGKILL; the system may have run out of memory";
  const line = lastWords
    .split("\n")
    .map((text) => text.trim())
    .findLast((text) => text !== "");
  return `the GPU driver or Node crashed (${ending})${line ? `: ${line}` : ""}; --debug shows all it wrote`;
}
