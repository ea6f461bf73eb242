// This package's own files: the same from a clone (src/cli) and when installed (dist).

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NAME = "nudge-webgpu";

interface Manifest {
  name?: string;
  version: string;
}

function findRoot(): { root: string; manifest: Manifest } {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const path = join(folder, "package.json");
    if (existsSync(path)) {
      const manifest = JSON.parse(readFileSync(path, "utf8")) as Manifest;
      if (manifest.name === NAME) return { root: folder, manifest };
    }
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`the package ${NAME} is not above ${import.meta.url}`);
    folder = parent;
  }
}

const found = findRoot();

export const packageVersion = found.manifest.version;

/** The path of an embedded model or its data. */
export function modelPath(name: string): string {
  return join(found.root, "models", name);
}
