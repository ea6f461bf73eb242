import type { Command } from "commander";
import { project } from "../../index.ts";
import { encodeNpy } from "../../data/npy.ts";
import { formatNumber, formatTable, normName, normSymbol, type Norm } from "../format.ts";
import { readFiniteArray } from "../model-file.ts";
import { addCommonOptions, normOption, parsePositive, type CommonOptions } from "../options.ts";
import { checkOutput, writeFiles } from "../output.ts";
import type { App } from "../session.ts";

interface Options extends CommonOptions {
  input: string;
  output: string;
  norm: Norm;
  radius: number;
}

/** `nudge project`: the nearest array inside a ball. */
export function registerProject(program: Command, { terminal }: App): void {
  const command = program
    .command("project")
    .summary("project an array on a ball")
    .description(
      "Writes the point of the ball {w : ‖w‖ ≤ R} nearest to V. The whole array counts as one vector, whatever its shape. " +
        "l2 scales it, linf clips every entry. Computed on the CPU.",
    )
    .requiredOption("--input <file>", ".npy, float32, any shape")
    .addOption(normOption("norm of the ball", "linf").default(undefined).makeOptionMandatory())
    .requiredOption("--radius <number>", "radius of the ball, as 0.1 or 10/255", parsePositive)
    .requiredOption("--output <file>", ".npy to write");
  addCommonOptions(command)
    .addHelpText("after", "\nExample:\n  nudge project --input v.npy --norm linf --radius 10/255 --output w.npy")
    .action(async ({ input, output, norm, radius }: Options) => {
      const v = await readFiniteArray(input);
      await checkOutput(output, "file");
      const w = project(v, { norm, radius });
      await writeFiles({ [output]: encodeNpy(w) });
      const before = normOf(v.data, norm);
      const after = normOf(w.data, norm);
      const symbol = normSymbol(norm);
      terminal.print(
        formatTable([
          [input, `‖v‖ = ${formatNumber(before)} (${symbol})`],
          [output, `‖w‖ = ${formatNumber(after)} (${symbol})`],
        ]),
      );
      terminal.report({
        command: "project",
        input,
        output,
        norm: normName(norm),
        radius,
        normBefore: before,
        normAfter: after,
        shape: w.shape,
      });
    });
}

function normOf(values: Float32Array, norm: Norm): number {
  if (norm === 2) return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
  return values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
}
