/** Before the browser tests: builds the library and the page, and serves both on loopback under a strict policy. */
import { readFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type InlineConfig, type Plugin, type Rolldown } from "vite";
import type { TestProject } from "vitest/node";
import { encodeModel } from "../reference/onnx-builder.ts";
import { ensureChrome } from "./chrome.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the page is. */
    pageUrl: string;
    /** The text of the library as it is published. */
    library: string;
  }
}

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Nothing but this page's own scripts and files: no eval, no inline code, no WebAssembly. */
const POLICY =
  "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'";

const HTML = `<!doctype html><meta charset="utf-8"><title>Nudge</title><script type="module" src="/page.js"></script>`;

const TYPES: Readonly<Record<string, string>> = { ".html": "text/html", ".js": "text/javascript" };

const LIBRARY_PATH = "/index.js";
const TUNER_PATH = "/tune.js";

/** The page takes the library and the tuner from their files, as they were built for apps, and not into its own bundle. */
const libraryApart: Plugin = {
  name: "library-apart",
  enforce: "pre",
  resolveId: (source) => {
    if (source.endsWith("src/index.ts")) return { id: LIBRARY_PATH, external: "absolute" };
    if (source.endsWith("src/tune.ts")) return { id: TUNER_PATH, external: "absolute" };
  },
};

/** The modules that a build makes, by the paths they are served under. */
async function bundle(config: InlineConfig): Promise<Map<string, string>> {
  const built = await build({ ...config, root: ROOT, logLevel: "warn", build: { ...config.build, write: false } });
  const [{ output }] = built as [Rolldown.RolldownOutput];
  return new Map(output.flatMap((chunk) => (chunk.type === "chunk" ? [[`/${chunk.fileName}`, chunk.code]] : [])));
}

/** A network of one op that the core of the library does not have, and one of a form that it does not have of a common op. */
const rareModels = {
  "/models/erf.onnx": { nodes: [{ op: "Erf", inputs: ["x"], outputs: ["y"] }], constants: {} },
  "/models/reflect.onnx": {
    nodes: [{ op: "Pad", inputs: ["x", "pads"], outputs: ["y"], attributes: { mode: "reflect" } }],
    constants: { pads: { shape: [4], data: [0, 1, 0, 0], type: "int64" } },
  },
} as const;

async function contentOf(path: string, made: ReadonlyMap<string, string | Uint8Array>): Promise<string | Uint8Array | undefined> {
  const model = /^\/models\/[\w-]+\.\w+$/.test(path) && `${ROOT}${path}`;
  return made.get(path) ?? (model ? await readFile(model) : undefined);
}

async function answer(url: string, response: ServerResponse, made: ReadonlyMap<string, string | Uint8Array>): Promise<void> {
  const { pathname } = new URL(url, "http://localhost");
  const path = pathname === "/" ? "/index.html" : pathname;
  const content = await contentOf(path, made).catch(() => undefined);
  response.writeHead(content === undefined ? 404 : 200, {
    "content-security-policy": POLICY,
    "content-type": TYPES[extname(path)] ?? "application/octet-stream",
  });
  response.end(content);
}

export default async function serve(project: TestProject): Promise<() => void> {
  await ensureChrome();
  const library = await bundle({ configFile: `${ROOT}/vite.config.ts` });
  const tuner = await bundle({ configFile: `${ROOT}/vite.tune.config.ts` });
  const page = await bundle({
    configFile: false,
    plugins: [libraryApart],
    publicDir: false,
    build: { target: "es2022", minify: false, lib: { entry: "test/browser/page.ts", formats: ["es"], fileName: () => "page.js" } },
  });
  const models = Object.entries(rareModels).map(
    ([path, model]) => [path, encodeModel({ opset: 17, inputs: [{ name: "x", shape: [1, 3] }], outputs: ["y"], ...model })] as const,
  );
  const made = new Map<string, string | Uint8Array>([["/index.html", HTML], ...library, ...tuner, ...page, ...models]);
  const server = createServer(({ url = "/" }, response) => void answer(url, response, made));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  project.provide("pageUrl", `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  project.provide("library", [...library.values()].join("\n"));
  return () => {
    server.closeAllConnections();
    server.close();
  };
}
