import type { Command } from "commander";
import { addCommonOptions } from "../options.ts";
import type { App } from "../session.ts";
import { addDerivativeArguments, runDerivative, type DerivativeOptions } from "./derivatives.ts";

/** `nudge vjp`: the gradient of ⟨cotangent, output⟩ with respect to the input. */
export function registerVjp(program: Command, app: App): void {
  const command = program
    .command("vjp")
    .summary("vector-Jacobian product: the gradient of one combination of outputs")
    .description("Writes G = Jᵀ c [N, ...input], float32: the gradient of Σ c·output at each point. C is " + "float32 [N, ...output].");
  addDerivativeArguments(command).requiredOption("--cotangent <file>", ".npy with one weight an output, float32 [N, ...output]");
  addCommonOptions(command)
    .addHelpText("after", "\nExample:\n  nudge vjp lenet.onnx --input x.npy --cotangent c.npy --output g.npy")
    .action((path: string, options: DerivativeOptions & { cotangent: string }) =>
      runDerivative(
        path,
        options,
        {
          command: "vjp",
          direction: { path: options.cotangent, like: "output" },
          compute: (model, x, cotangent, how) => model.vjp(x, cotangent!, how),
        },
        app,
      ),
    );
}
