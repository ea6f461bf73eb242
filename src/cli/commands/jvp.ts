import type { Command } from "commander";
import { addCommonOptions } from "../options.ts";
import type { App } from "../session.ts";
import { addDerivativeArguments, runDerivative, type DerivativeOptions } from "./derivatives.ts";

/** `nudge jvp`: how the output changes along a direction of the input. */
export function registerJvp(program: Command, app: App): void {
  const command = program
    .command("jvp")
    .summary("Jacobian-vector product: the change of the output along a direction")
    .description("Writes J t [N, ...output], float32: the derivative of the output along the tangent T, float32 " + "[N, ...input].");
  addDerivativeArguments(command).requiredOption("--tangent <file>", ".npy with one direction a point, float32 [N, ...input]");
  addCommonOptions(command)
    .addHelpText("after", "\nExample:\n  nudge jvp lenet.onnx --input x.npy --tangent t.npy --output d.npy")
    .action((path: string, options: DerivativeOptions & { tangent: string }) =>
      runDerivative(
        path,
        options,
        {
          command: "jvp",
          direction: { path: options.tangent, like: "input" },
          compute: (model, x, tangent, how) => model.jvp(x, tangent!, how),
        },
        app,
      ),
    );
}
