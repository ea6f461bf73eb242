// The process around the command: signals, output that nobody reads, and the exit.

import { describeFileError } from "../data/files.ts";
import { interruptedCode, parentPid, realStderr, runGuarded, STOP_MS, STOP_SIGNALS, worksHere, type StopSignal } from "./guard.ts";
import { EXIT, run } from "./program.ts";
import { endWithParent } from "./watchdog.ts";

async function work(): Promise<number> {
  const stderr = realStderr();
  const interrupted = new AbortController();
  let stoppedBy: StopSignal = "SIGTERM";
  // The process in front says that it was interrupted, once, however this one ends.
  const leave = () => process.exit(interruptedCode(stoppedBy));
  // The first signal asks the work to stop. It is not waited for long: unfinished files are removed at the exit.
  const interrupt = (by: StopSignal) => {
    if (interrupted.signal.aborted) return parentPid === undefined && leave();
    stoppedBy = by;
    interrupted.abort();
    setTimeout(leave, STOP_MS);
  };
  for (const name of STOP_SIGNALS) process.on(name, () => interrupt(name));
  if (parentPid !== undefined) endWithParent(parentPid, STOP_MS * 2, () => interrupt("SIGTERM"));

  // `nudge info model.onnx | head` closes the pipe early: that is no failure worth a message.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.success);
    stderr.write(`nudge: stdout: ${describeFileError(error)}\n`);
    process.exit(EXIT.failure);
  });

  // Native code may throw outside of any promise we await; a stack trace helps nobody but us.
  for (const event of ["uncaughtException", "unhandledRejection"]) {
    process.on(event, (error: unknown) => {
      if (interrupted.signal.aborted) leave();
      const { message = String(error), stack } = error instanceof Error ? error : {};
      stderr.write(`nudge: ${message.split("\n")[0]}\n${process.argv.includes("--debug") ? `${stack}\n` : ""}`);
      process.exit(EXIT.failure);
    });
  }

  const code = await run(process.argv.slice(2), { stdout: process.stdout, stderr, signal: interrupted.signal });
  await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
  return code === EXIT.interrupted ? interruptedCode(stoppedBy) : code;
}

// Dawn keeps the event loop alive as long as anything of it is referenced: leave by exit.
process.exit(await (worksHere() ? work() : runGuarded(EXIT.failure)));
