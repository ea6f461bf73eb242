// Builds dist/: the library with its types, and the command.
//
//   node scripts/build.mjs            everything
//   node scripts/build.mjs cli        the command only
//
// Everything is built beside dist/ and renamed into it: builds may run at once, and whoever reads dist/ sees whole files.

import { spawn } from "node:child_process";
import { rmSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const DIST = join(ROOT, "dist");
/** An interrupted build removes what it has begun. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

export async function buildCli() {
  await replaceInDist(async (folder) => {
    await bundle("vite.cli.config.ts", folder);
    await chmod(join(folder, "nudge.js"), 0o755);
  });
}

export async function buildLibrary() {
  await replaceInDist(async (folder) => {
    await bundle("vite.config.ts", folder);
    await bundle("vite.tune.config.ts", folder);
  });
}

/** What published types take for granted: WebGPU's interfaces, and Symbol.dispose. */
const REFERENCES = `/// <reference path="./webgpu.d.ts" />
/// <reference lib="esnext.disposable" />
`;

export async function buildTypes() {
  await replaceInDist((folder) => emitTypes(join(folder, "types")));
}

/** Writes the published types to a folder. */
export async function emitTypes(folder) {
  await tsc("--project", "tsconfig.build.json", "--outDir", folder);
  await copyFile(join(ROOT, "src/webgpu.d.ts"), join(folder, "webgpu.d.ts"));
  for (const entry of ["index.d.ts", "tune.d.ts"]) {
    const file = join(folder, entry);
    await writeFile(file, REFERENCES + (await readFile(file, "utf8")));
  }
}

function bundle(configFile, outDir) {
  return build({ root: ROOT, configFile: join(ROOT, configFile), logLevel: "warn", build: { outDir, emptyOutDir: false } });
}

function tsc(...args) {
  const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [compiler, ...args], { cwd: ROOT, stdio: "inherit" });
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error("types do not build"))));
  });
}

/** Runs `make` on a new folder and moves what it made into dist/. */
async function replaceInDist(make) {
  const started = new Date();
  // As deep as dist/, so that paths in source maps hold after the move.
  const folder = await mkdtemp(join(ROOT, ".building-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const interrupted = (_signal, number) => process.exit(128 + number);
  process.on("exit", remove);
  for (const signal of SIGNALS) process.on(signal, interrupted);
  await mkdir(DIST, { recursive: true });
  try {
    await make(folder);
    for (const name of await readdir(folder)) {
      const [from, to] = [join(folder, name), join(DIST, name)];
      // As old as the sources it was made from: what is edited during the build counts as newer.
      await utimes(from, started, started);
      await replace(from, to);
    }
  } finally {
    remove();
    process.off("exit", remove);
    for (const signal of SIGNALS) process.off(signal, interrupted);
  }
}

/** A file is replaced in one step; a folder must make way first. */
async function replace(from, to) {
  try {
    await rename(from, to);
  } catch (error) {
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    await rm(to, { recursive: true, force: true });
    await rename(from, to);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildCli();
  if (process.argv[2] !== "cli") {
    await buildLibrary();
    await buildTypes();
  }
}
