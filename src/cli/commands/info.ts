import type { Command } from "commander";
import type { ModelPort } from "../../index.ts";
import { formatBytes, formatCount, formatTable, plural } from "../format.ts";
import { readAnyModel, type Description } from "../model-file.ts";
import { addCommonOptions, addModelArgument, type ModelFlags } from "../options.ts";
import type { App } from "../session.ts";

/** `nudge info MODEL.onnx`: what a file holds and what it would cost to run. Needs no GPU. */
export function registerInfo(program: Command, { terminal }: App): void {
  const command = program
    .command("info")
    .summary("say what a model holds, what it costs, and what of it is not supported")
    .description(
      "Reads an ONNX file and prints its inputs and outputs, its ops, parameters, multiply-accumulates, memory and GPU " +
        "launches, and every node that no kernel covers. It needs no GPU.",
    );
  addModelArgument(command, "ONNX file");
  addCommonOptions(command)
    .addHelpText("after", "\nExamples:\n  nudge info model.onnx\n  nudge info model.onnx --json | jq .macs")
    .action(async (path: string, options: ModelFlags) => {
      const { description } = await readAnyModel(path, options);
      terminal.print(describe(path, description));
      terminal.report({ command: "info", model: path, ...description });
    });
}

function describe(path: string, d: Description): string {
  const ports = (list: readonly ModelPort[]) => list.map(({ name, shape }) => `"${name}" [N, ${shape.join(", ")}]`).join("   ");
  const ops = Object.entries(d.ops)
    .sort(([, a], [, b]) => b - a)
    .map(([op, count]) => `${op} ×${count}`)
    .join(", ");
  const { f16 } = d.weightBytesByType;
  const halved = f16 > 0 ? `, of them ${formatBytes(f16)} as f16` : "";
  // What a graph with unknown ops costs, or even its shapes, cannot be told.
  const known = [
    ["inputs", ports(d.inputs)],
    ["outputs", ports(d.outputs)],
    ["parameters", `${formatCount(d.parameters)} (${formatBytes(d.weightBytes)}${halved})`],
    ["work", `${formatCount(d.macs)} multiply-accumulates a sample`],
    ["memory", `${formatBytes(d.memoryBytes)} a sample`],
    ["launches", `${d.launches.after} a run (${d.launches.before} before fusion)`],
  ];
  const lines = formatTable([
    ["ops", `${ops} (opset ${d.opset})`],
    ...(d.unsupported.length === 0 ? known : []),
    ...d.notes.map((note, index) => [index === 0 ? "notes" : "", note]),
    ["unsupported", d.unsupported.length === 0 ? "nothing" : plural(d.unsupported.length, "node")],
  ]);
  const unsupported = d.unsupported.map((u) => {
    const attribute = u.attribute ? `, attribute ${u.attribute}` : "";
    return `  node "${u.node}" (${u.op}, opset ${u.opset}${attribute}): ${u.reason}`;
  });
  return [path, lines, ...unsupported].join("\n");
}
