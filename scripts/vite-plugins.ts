/** What both bundles need beyond Vite itself. */
import type { Plugin } from "vite";

/**
 * Shaders as text without their comments. They are written for the reader of shaders/, and would be more than half of the
 * shader text that a page downloads. Lines stay where they are, so a compiler's line numbers fit the linked sources.
 */
export function terseShaders(): Plugin {
  return {
    name: "nudge:terse-shaders",
    enforce: "pre",
    transform: {
      filter: { id: /\.wgsl\?raw$/ },
      handler(code) {
        const literal = /^export default (".*");?\s*$/s.exec(code)?.[1];
        if (literal === undefined) throw new Error("not the text of a shader");
        return { code: `export default ${JSON.stringify(withoutComments(JSON.parse(literal) as string))};`, map: null };
      },
    },
  };
}

function withoutComments(wgsl: string): string {
  const terse = wgsl.replace(/[ \t]*\/\/.*$/gm, "").replace(/[ \t]+$/gm, "");
  if (terse.includes("/*")) throw new Error("WGSL's block comments nest, which is not understood here; write line comments");
  return terse;
}

/**
 * protobufjs without `long`: int64 values become doubles, which Nudge expects (src/runtime/onnx/decode.ts), and the page is
 * spared the WebAssembly module that `long` starts, which a strict content security policy forbids.
 */
export function withoutLong(): Plugin {
  const empty = "\0nudge:no-long";
  return {
    name: "nudge:without-long",
    enforce: "pre",
    resolveId: { filter: { id: /^long$/ }, handler: () => empty },
    load: { filter: { id: /nudge:no-long$/ }, handler: () => "export default undefined;" },
  };
}
