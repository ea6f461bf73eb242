import type { Command } from "commander";
import { addCommonOptions, parseRows, type Rows } from "../options.ts";
import type { App } from "../session.ts";
import { addDerivativeArguments, runDerivative, type DerivativeOptions } from "./derivatives.ts";

/** `nudge jacobian`: rows of the Jacobian of an output with respect to the input. */
export function registerJacobian(program: Command, app: App): void {
  const command = program
    .command("jacobian")
    .summary("derivatives of the output with respect to the input")
    .description(
      "Writes J [N, R, ...input], float32: for each point, R rows of the Jacobian of the first output. " +
        "Rows: all; top:K, the K largest outputs of each point, largest first; or class indices.",
    );
  addDerivativeArguments(command).option("--rows <rows>", "all, top:K, or i,j,…", parseRows, "all");
  addCommonOptions(command)
    .addHelpText(
      "after",
      "\nExamples:\n  nudge jacobian lenet.onnx --input x.npy --rows all --output j.npy\n" +
        "  nudge jacobian resnet.onnx --input x.npy --rows top:10 --output j.npy\n" +
        "  nudge jacobian lenet.onnx --input x.npy --rows 3,8 --output j.npy",
    )
    .action((path: string, options: DerivativeOptions & { rows: Rows }) => {
      const { rows } = options;
      return runDerivative(
        path,
        options,
        { command: "jacobian", settings: { rows }, compute: (model, x, _, how) => model.jacobian(x, { rows, ...how }) },
        app,
      );
    });
}
