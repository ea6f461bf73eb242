// The process around the command: signals, output that nobody reads, and the exit.

import { describeFileError } from "../data/files.ts";
import { realStderr, runGuarded, worksHere } from "./guard.ts";
import { EXIT, run } from "./program.ts";

async function work(): Promise<number> {
  const stderr = realStderr();
  const interrupted = new AbortController();
  const interrupt = () => {
    // The first asks the work to stop between two GPU submissions; whoever asks again will not wait.
    if (interrupted.signal.aborted) process.exit(EXIT.failure);
    interrupted.abort();
  };
  for (const name of ["SIGINT", "SIGTERM", "disconnect"]) process.on(name, interrupt);

  // `nudge info model.onnx | head` closes the pipe early: that is no failure worth a message.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.success);
    stderr.write(`nudge: stdout: ${describeFileError(error)}\n`);
    process.exit(EXIT.failure);
  });

  // Native code may throw outside of any promise we await; a stack trace helps nobody but us.
  for (const event of ["uncaughtException", "unhandledRejection"]) {
    process.on(event, (error: unknown) => {
      const { message = String(error), stack } = error instanceof Error ? error : {};
      stderr.write(`nudge: ${message.split("\n")[0]}\n${process.argv.includes("--debug") ? `${stack}\n` : ""}`);
      process.exit(EXIT.failure);
    });
  }

  const code = await run(process.argv.slice(2), { stdout: process.stdout, stderr, signal: interrupted.signal });
  await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
  return code;
}

// Dawn keeps the event loop alive as long as anything of it is referenced: leave by exit.
process.exit(await (worksHere() ? work() : runGuarded(EXIT.failure)));
