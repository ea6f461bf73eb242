/**
 * Builds the contestants' pages and serves them on loopback, isolated across origins, so that contestants that use threads
 * may. Answers come back by POST.
 */
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin, type Rolldown } from "vite";
import { contestants, type ContestantEntry } from "./contestants.ts";
import type { BenchModel } from "./models.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const LIBRARY_PATH = "/library.js";
const ORT_PATH = "/ort/";
const ORT_FILES: Readonly<Record<string, string>> = {
  "onnxruntime-web": "ort.bundle.min.mjs",
  "onnxruntime-web/webgpu": "ort.webgpu.bundle.min.mjs",
};

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Another build's files are served under a path of their contestant's. */
const libraryFolder = ({ id }: ContestantEntry) => `/library-of-${id}/`;

/** Nudge is taken from its file as it was built, and onnxruntime-web as it is published, with its wasm beside it. */
const libraryApart = (library: string): Plugin => ({
  name: "library-apart",
  enforce: "pre",
  resolveId(source) {
    if (source.endsWith("src/index.ts")) return { id: library, external: "absolute" };
    const file = ORT_FILES[source];
    return file ? { id: `${ORT_PATH}${file}`, external: "absolute" } : undefined;
  },
});

const shared = { root: ROOT, logLevel: "error" } as const;

/** Pages by their paths, with whatever chunks they share. */
async function buildPages(entries: readonly ContestantEntry[], library: string): Promise<[string, string][]> {
  const pages = await build({
    ...shared,
    configFile: false,
    plugins: [libraryApart(library)],
    publicDir: false,
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rolldownOptions: {
        input: Object.fromEntries(entries.map(({ id, page }) => [id, join(ROOT, page)])),
        output: { entryFileNames: "[name].js", chunkFileNames: "chunk-[hash].js" },
        checks: { eval: false },
      },
    },
  });
  return (pages as Rolldown.RolldownOutput).output.flatMap((chunk) =>
    chunk.type === "chunk" ? [[`/${chunk.fileName}`, chunk.code] satisfies [string, string]] : [],
  );
}

async function buildAll(entries: readonly ContestantEntry[]): Promise<Map<string, string>> {
  const library = await build({ ...shared, configFile: join(ROOT, "vite.config.ts"), build: { write: false } });
  const [{ output }] = library as [Rolldown.RolldownOutput];
  const made = new Map<string, string>();
  // Its other modules lie beside the library.
  for (const chunk of output) if (chunk.type === "chunk") made.set(chunk.isEntry ? LIBRARY_PATH : `/${chunk.fileName}`, chunk.code);
  const usual = entries.filter((entry) => entry.library === undefined);
  const pages = await buildPages(usual, LIBRARY_PATH);
  for (const entry of entries)
    if (entry.library !== undefined) pages.push(...(await buildPages([entry], `${libraryFolder(entry)}index.js`)));
  for (const [path, code] of pages) made.set(path, code);
  return made;
}

export interface BenchServer {
  readonly url: string;
  offer(model: BenchModel): void;
  /** What a page has posted under a name; taken once. */
  takeAnswer(name: string): Float32Array;
  close(): void;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

export async function serveBench(entries: readonly ContestantEntry[] = contestants): Promise<BenchServer> {
  const files = new Map<string, string | Uint8Array>(await buildAll(entries));
  const answers = new Map<string, Float32Array>();

  const content = async (path: string): Promise<string | Uint8Array | undefined> => {
    const contestant = entries.find(({ id }) => path === `/${id}.html`);
    if (contestant)
      return `<!doctype html><meta charset="utf-8"><title>${contestant.name}</title><script type="module" src="/${contestant.id}.js"></script>`;
    const made = files.get(path);
    if (made !== undefined) return made;
    const folders = [
      [ORT_PATH, join(ROOT, "node_modules/onnxruntime-web/dist")] as const,
      ...entries.flatMap((entry) => (entry.library === undefined ? [] : [[libraryFolder(entry), entry.library] as const])),
    ];
    const [prefix, folder] = folders.find(([start]) => path.startsWith(start)) ?? [];
    if (prefix === undefined || !/^[\w.-]+$/.test(path.slice(prefix.length))) return undefined;
    const file = await readFile(join(folder!, path.slice(prefix.length)));
    files.set(path, file);
    return file;
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (request.method === "POST") {
      const body = await bodyOf(request);
      answers.set(pathname.replace("/answers/", ""), new Float32Array(Uint8Array.from(body).buffer));
      response.writeHead(204).end();
      return;
    }
    const found = await content(pathname).catch(() => undefined);
    response.writeHead(found === undefined ? 404 : 200, {
      "content-type": TYPES[extname(pathname)] ?? "application/octet-stream",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
    });
    response.end(found);
  };
  const server: Server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    offer({ name, bytes, images }) {
      files.set(`/models/${name}.onnx`, bytes);
      files.set(`/inputs/${name}.f32`, bytesOf(images));
    },
    takeAnswer(name) {
      const found = answers.get(name);
      if (!found) throw new Error(`no answer ${name}`);
      answers.delete(name);
      return found;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
