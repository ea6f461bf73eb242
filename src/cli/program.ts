// The command `nudge`: its commands, its exit codes, its errors.

import { Command, CommanderError } from "commander";
import { UsageError } from "./options.ts";
import { packageVersion } from "./package.ts";
import { Terminal, type Sink } from "./terminal.ts";
import type { App } from "./session.ts";
import { registerDeepfool } from "./commands/deepfool.ts";
import { registerDemo } from "./commands/demo.ts";
import { registerDevices } from "./commands/devices.ts";
import { registerEvaluate } from "./commands/evaluate.ts";
import { registerInfo } from "./commands/info.ts";
import { registerJacobian } from "./commands/jacobian.ts";
import { registerJvp } from "./commands/jvp.ts";
import { registerProject } from "./commands/project.ts";
import { registerRun } from "./commands/run.ts";
import { registerTune } from "./commands/tune.ts";
import { registerUniversal } from "./commands/universal.ts";
import { registerVjp } from "./commands/vjp.ts";

export const EXIT = { success: 0, failure: 1, usage: 2, interrupted: 130 } as const;

export interface Surroundings {
  stdout: Sink;
  stderr: Sink;
  /** Aborting it ends the command as interrupted. */
  signal?: AbortSignal;
}

/**
 * Runs one command line and returns its exit code: 0 on success, 2 for wrong usage, 130 without a word when the signal ended it,
 * 1 for everything else. Never throws; a failure is one line on stderr.
 * @param args the command line without node and the script
 */
export async function run(args: readonly string[], { stdout, stderr, signal }: Surroundings): Promise<number> {
  const terminal = new Terminal(stdout, stderr);
  const app: App = { terminal, signal: signal ?? new AbortController().signal };
  const program = buildProgram(app, stdout, stderr);
  try {
    await program.parseAsync(args, { from: "user" });
    return EXIT.success;
  } catch (error) {
    terminal.endProgress();
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.success : EXIT.usage;
    if (app.signal.aborted) return EXIT.interrupted;
    stderr.write(`nudge: ${oneLine(error)}\n`);
    if (args.includes("--debug") && error instanceof Error) stderr.write(`${error.stack}\n`);
    return error instanceof UsageError ? EXIT.usage : EXIT.failure;
  }
}

function buildProgram(app: App, stdout: Sink, stderr: Sink): Command {
  const program = new Command("nudge")
    .description(
      "Finds the smallest nudge that changes a network's mind: loads ONNX models, runs them and their exact derivatives on " +
        "the GPU, and computes DeepFool and universal adversarial perturbations.",
    )
    .version(packageVersion)
    .helpCommand("help [command]", "explain a command")
    .addHelpText(
      "after",
      "\nExamples:\n  nudge demo                                        the embedded LeNet and digits; needs no files\n" +
        "  nudge info model.onnx                             what a model holds and costs\n" +
        "  nudge deepfool model.onnx --input photos/ --output out\n" +
        "  nudge universal model.onnx --input photos/ --output out\n\n" +
        "Folders of images are preprocessed as MODEL.json beside MODEL.onnx says (size, resize, range, mean, std, channels,\n" +
        "layout, labels), or a preset (--preprocessing), or single options; without any of these they are refused.\n\n" +
        "Exit codes: 0 success, 2 wrong usage, 130, 143 or 129 interrupted (Ctrl-C, SIGTERM, SIGHUP), 1 any other failure.",
    );
  const commands = [
    registerDemo,
    registerInfo,
    registerRun,
    registerJacobian,
    registerVjp,
    registerJvp,
    registerDeepfool,
    registerUniversal,
    registerEvaluate,
    registerProject,
    registerTune,
    registerDevices,
  ];
  for (const register of commands) register(program, app);
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, "nudge: ").replace(/\n(?=\(Did you)/, " ")),
    });
  }
  program.hook("preAction", (_program, command) => {
    app.terminal.json = command.opts<{ json?: boolean }>().json ?? false;
  });
  return program;
}

/** A message without line breaks; the first cause is what counts, the rest is for --debug. */
function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.replace(/\s*\n\s*/g, " ").trim();
}
