// Which folder may import which, so that the house keeps its shape (docs/architecture.md). The first entry that a file's
// path starts with counts. Paths are relative to the repository.

import { dirname, relative, resolve, sep } from "node:path";

/** `may` lists what alone may be imported besides the folder itself; `never` lists exceptions from an otherwise free choice. */
const BOUNDARIES = [
  { from: "src/kernels/", never: ["src/runtime/onnx/", "src/algorithms/", "src/tuning/", "src/cli/", "src/index.ts"] },
  // What options accept is said once, for the library and the command.
  { from: "src/options/", may: ["src/runtime/errors.ts", "src/data/ndarray.ts"] },
  { from: "src/runtime/", never: ["src/algorithms/", "src/tuning/", "src/cli/", "src/index.ts"] },
  { from: "src/algorithms/", never: ["src/runtime/onnx/", "src/tuning/", "src/cli/", "src/index.ts"] },
  { from: "src/tuning/", never: ["src/runtime/onnx/", "src/kernels/", "src/cli/"] },
  { from: "src/data/", may: ["src/runtime/errors.ts"] },
  { from: "src/cli/", may: ["src/index.ts", "src/tune.ts", "src/options/", "src/data/", "src/runtime/errors.ts"] },
  { from: "app/", may: ["src/index.ts"] },
  // Benchmarks of kernels plan, compile and time single nodes, by the tuner's stopwatch.
  { from: "bench/kernels/", may: ["src/index.ts", "src/data/", "src/cli/gpu.ts", "src/runtime/", "src/kernels/", "src/tuning/"] },
  { from: "bench/readback/", may: ["src/runtime/gpu/hasten.ts"] },
  // Pages see what an app sees. Outside a browser somebody has to open a GPU, and plans are looked at.
  { from: "bench/page/", may: ["src/index.ts"] },
  {
    from: "bench/",
    may: [
      "src/index.ts",
      "src/data/",
      "src/cli/gpu.ts",
      "src/runtime/plan/",
      "src/runtime/graph/",
      "src/runtime/onnx/",
      "src/kernels/op.ts",
    ],
  },
];

/** Why an import breaks a boundary, or undefined where it does not. `from` and `to` are paths in the repository. */
export function breach(from, to) {
  const boundary = BOUNDARIES.find((entry) => from.startsWith(entry.from));
  if (!boundary || to.startsWith(boundary.from) || !to.startsWith("src/")) return undefined;
  const { from: folder, may, never } = boundary;
  if (may && !may.some((place) => to.startsWith(place))) return `${folder} may import only ${may.join(", ")}`;
  if (never?.some((place) => to.startsWith(place))) return `${folder} may not import ${to}`;
  return undefined;
}

const rule = {
  meta: { type: "problem", schema: [], messages: { breach: "{{reason}} (scripts/lint/boundaries.mjs)." } },
  create(context) {
    const from = relative(context.cwd, context.filename).split(sep).join("/");
    const check = ({ source }) => {
      if (typeof source?.value !== "string" || !source.value.startsWith(".")) return;
      const [path] = source.value.split("?");
      const to = relative(context.cwd, resolve(dirname(context.filename), path))
        .split(sep)
        .join("/");
      const reason = breach(from, to);
      if (reason) context.report({ node: source, messageId: "breach", data: { reason } });
    };
    return { ImportDeclaration: check, ExportNamedDeclaration: check, ExportAllDeclaration: check, ImportExpression: check };
  },
};

export default { rules: { boundaries: rule } };
