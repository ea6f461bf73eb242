/** The command line that benchmarks of kernels share, in Node and for Chrome. */
import { Command, InvalidArgumentError } from "commander";
import type { KernelOptions } from "./run.ts";

export interface CommandOptions extends KernelOptions {
  readonly json?: boolean;
  readonly output: string;
}

export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("a positive integer is wanted");
  return value;
}

function pattern(text: string): string {
  try {
    new RegExp(text);
  } catch {
    throw new InvalidArgumentError("not a regular expression");
  }
  return text;
}

/** Adds the options that choose shapes and say what is done with results. */
export function withKernelOptions(command: Command, output: string): Command {
  return command
    .option("--only <pattern>", "shapes whose op, name or network match a regular expression", pattern)
    .option("--quick", "a few shapes, timed briefly")
    .option("--large", "also shapes that take a software adapter long")
    .option("--f16", "also with weights stored as f16, their error beside their speed")
    .option("--samples <count>", "passes timed for each variant", positiveInteger)
    .option("--json", "print the report as JSON instead of tables")
    .option("--output <folder>", "where the report is written", output);
}
