/** What both bundles need beyond Vite itself. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parseAst, Visitor } from "vite";
import type { Plugin } from "vite";
import { shortNames, terse } from "./terse-wgsl.ts";

const SHADERS = join(import.meta.dirname, "../shaders");

/** Shaders as scripts/terse-wgsl.ts makes them, with the same short names in every build of the same shaders. */
export function terseShaders(): Plugin {
  const files = readdirSync(SHADERS, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".wgsl"));
  const names = shortNames(files.map((file) => readFileSync(join(SHADERS, file), "utf8")));
  return {
    name: "nudge:terse-shaders",
    enforce: "pre",
    transform: {
      filter: { id: /\.wgsl\?raw$/ },
      handler(code) {
        const literal = /^export default (".*");?\s*$/s.exec(code)?.[1];
        if (literal === undefined) throw new Error("not the text of a shader");
        return { code: `export default ${JSON.stringify(terse(JSON.parse(literal) as string, names))};`, map: null };
      },
    },
  };
}

/** What only docs/operators.md is made from in the definition of an op. */
const FOR_THE_TABLE = ["restrictions", "derivative"];

/** Op definitions without what only docs/operators.md is made from. Nothing moves, so that source maps hold. */
export function withoutOperatorTable(): Plugin {
  return {
    name: "nudge:without-operator-table",
    transform: {
      filter: { id: /src\/kernels\/(?:rare\/)?[\w-]+\.ts$/ },
      handler(code) {
        let terse = code;
        const blank = (start: number, end: number) => {
          terse = terse.slice(0, start) + " ".repeat(end - start) + terse.slice(end);
        };
        new Visitor({
          Property({ key, value, start, end }) {
            if (key.type !== "Identifier" || !FOR_THE_TABLE.includes(key.name) || value.type !== "Literal") return;
            // With the comma that follows, where one does.
            blank(start, end + (/^\s*,/.exec(code.slice(end))?.[0].length ?? 0));
          },
        }).visit(parseAst(code));
        return terse === code ? undefined : { code: terse, map: null };
      },
    },
  };
}

/**
 * Shaders beside one another in the bundle, by name. They repeat each other's lines, and gzip looks back no further than 32 kB: it
 * takes 1.2 kB less this way than with each shader beside the module that imports it, and 0.2 kB less by size than by name. Those of rare ops stay where these are.
 */
export function shadersTogether(): Plugin {
  return {
    name: "nudge:shaders-together",
    transform: {
      filter: { id: /\/src\/index\.ts$/ },
      handler(code, id) {
        const src = dirname(id);
        const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(
          (file) => file.endsWith(".ts") && !file.includes("rare/"),
        );
        const shaders = files.flatMap((file) =>
          [...readFileSync(join(src, file), "utf8").matchAll(/from "(\.[^"]+\.wgsl\?raw)"/g)].map(([, path]) =>
            relative(src, join(src, dirname(file), path!)),
          ),
        );
        // All on the entry's first line, so that its others keep their numbers.
        const size = (path: string) => statSync(join(src, path.split("?")[0]!)).size;
        const bySize = [...new Set(shaders)].sort((a, b) => size(a) - size(b) || (a < b ? -1 : 1));
        const imports = bySize.map((path) => `import ${JSON.stringify(path)};`);
        return { code: imports.join("") + code, map: null };
      },
    },
  };
}
