/** Who takes part: Nudge first, then its peers. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

export interface ContestantEntry {
  /** Also the name of its page. */
  readonly id: string;
  readonly name: string;
  readonly page: string;
  /** The package whose version is reported; Nudge is this one. */
  readonly packages: readonly string[];
  readonly derivatives: boolean;
  /** A folder with another build of Nudge, which its page takes instead of the checkout's. */
  readonly library?: string;
}

export const NUDGE = "nudge";

export const contestants: readonly ContestantEntry[] = [
  { id: NUDGE, name: "Nudge", page: "bench/page/nudge.ts", packages: [], derivatives: true },
  { id: "ort-jsep", name: "ORT jsep", page: "bench/page/ort-jsep.ts", packages: ["onnxruntime-web"], derivatives: false },
  { id: "ort-webgpu", name: "ORT webgpu", page: "bench/page/ort-webgpu.ts", packages: ["onnxruntime-web"], derivatives: false },
  {
    id: "tfjs",
    name: "tfjs",
    page: "bench/page/tfjs.ts",
    packages: ["@tensorflow/tfjs", "@tensorflow/tfjs-backend-webgpu"],
    derivatives: true,
  },
  { id: "jax", name: "jax-js", page: "bench/page/jax.ts", packages: ["@jax-js/jax", "@jax-js/onnx"], derivatives: true },
];

/** Nudge as the folder of another build has it: what the checkout is measured against, with no peers. */
export function nudgeBefore(library: string): readonly ContestantEntry[] {
  const [now] = contestants;
  return [now!, { ...now!, id: "nudge-before", name: "before", library }];
}

/** Versions of all packages that take part, Nudge's own included. */
export function versions(): Record<string, string> {
  const versionOf = (folder: string) => (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string }).version;
  const names = [...new Set(contestants.flatMap(({ packages }) => packages))];
  return { nudge: versionOf(ROOT), ...Object.fromEntries(names.map((name) => [name, versionOf(join(ROOT, "node_modules", name))])) };
}
