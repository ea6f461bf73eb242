// Makes a folder and a tarball with everything the benchmarks need on a bare x86-64 Linux machine with a GPU driver: Node,
// Dawn, the Vulkan loader, the built benchmarks, models and run.sh.
//
//   npm run bench:pack [-- FOLDER]        default out/; makes FOLDER/nudge-bench and FOLDER/nudge-bench.tar.gz
//
// Made on x86-64 Linux, from the Node that runs this and the Vulkan loader of this machine (Debian: libvulkan1).

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MOST_BYTES = 60e6;
const LIBRARY_FOLDERS = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib"];

const out = resolve(process.argv[2] ?? join(ROOT, "out"));
const pack = join(out, "nudge-bench");
const archive = `${pack}.tar.gz`;

function fail(message) {
  console.error(message);
  process.exit(1);
}

function run(command, ...words) {
  const { status, error, stderr } = spawnSync(command, words, { encoding: "utf8" });
  if (status !== 0) fail(`${command}: ${error?.message ?? stderr}`);
}

/** A library of this machine by its name, with links resolved. */
function library(name) {
  const found = LIBRARY_FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path));
  return found && realpathSync(found);
}

/** Copies a binary without its debugging symbols, where strip is at hand. */
function copyStripped(from, to) {
  copyFileSync(from, to);
  chmodSync(to, 0o755);
  const { error, status } = spawnSync("strip", ["--strip-unneeded", to]);
  if (error || status !== 0) console.error(`not stripped: ${to}`);
}

/** NVIDIA's driver by library name, for machines that have the libraries and no manifest. EGL's needs no X libraries. */
function manifest(name) {
  return `${JSON.stringify({ file_format_version: "1.0.0", ICD: { library_path: name, api_version: "1.3.0" } }, null, 2)}\n`;
}

if (process.platform !== "linux" || process.arch !== "x64") fail("the pack is made on x86-64 Linux");
const loader = library("libvulkan.so.1");
if (!loader) fail("libvulkan.so.1 is missing, which Dawn needs: apt-get install libvulkan1");

rmSync(pack, { recursive: true, force: true });
for (const folder of ["bin", "lib/dist/linux-x64", "lib/native", "lib/fallback", "lib/vulkan", "licenses"])
  mkdirSync(join(pack, folder), { recursive: true });

await build({
  root: ROOT,
  configFile: join(ROOT, "vite.cli.config.ts"),
  logLevel: "warn",
  // Dawn's module is taken in, and finds its binary beside the bundle.
  plugins: [{ name: "nudge:dawn-inside", config: (config) => void (config.ssr.external = ["@napi-rs/canvas", "dejavu-fonts-ttf"]) }],
  build: {
    ssr: "bench/pack/main.ts",
    outDir: join(pack, "lib"),
    emptyOutDir: false,
    license: { fileName: "licenses-bench.md" },
    rolldownOptions: { output: { entryFileNames: "bench.mjs", banner: "" } },
  },
});
copyFileSync(join(pack, "lib/licenses-bench.md"), join(pack, "licenses/bench.md"));
rmSync(join(pack, "lib/licenses-bench.md"));

const webgpu = dirname(createRequire(import.meta.url).resolve("webgpu"));
copyStripped(process.execPath, join(pack, "bin/node"));
copyStripped(join(webgpu, "dist/linux-x64/dawn.node"), join(pack, "lib/dist/linux-x64/dawn.node"));
copyFileSync(loader, join(pack, "lib/native/libvulkan.so.1"));
for (const name of ["libstdc++.so.6", "libgcc_s.so.1"]) {
  const found = library(name) ?? library(`../${name}`);
  if (found) copyFileSync(found, join(pack, "lib/fallback", name));
}
writeFileSync(join(pack, "lib/vulkan/1-nvidia-glx.json"), manifest("libGLX_nvidia.so.0"));
writeFileSync(join(pack, "lib/vulkan/2-nvidia-egl.json"), manifest("libEGL_nvidia.so.0"));
cpSync(join(ROOT, "models"), join(pack, "models"), { recursive: true, filter: (path) => !path.endsWith(".py") });
copyFileSync(join(ROOT, "bench/pack/run.sh"), join(pack, "run.sh"));
chmodSync(join(pack, "run.sh"), 0o755);
copyFileSync(join(ROOT, "LICENSE"), join(pack, "licenses/nudge.txt"));
copyFileSync(join(webgpu, "LICENSE.md"), join(pack, "licenses/webgpu.md"));
for (const [name, places] of [
  ["node.txt", [join(dirname(process.execPath), "../LICENSE"), "/usr/share/doc/nodejs/LICENSE"]],
  ["libvulkan.txt", ["/usr/share/doc/libvulkan1/copyright"]],
  ["gcc.txt", ["/usr/share/doc/libstdc++6/copyright", "/usr/share/doc/libgcc-s1/copyright"]],
]) {
  const place = places.find((path) => existsSync(path));
  if (place) copyFileSync(realpathSync(place), join(pack, "licenses", name));
  else console.error(`licence not found: ${name}`);
}

// The pack goes to other machines: nothing in the texts may name a place on this one.
for (const name of ["lib/bench.mjs", "run.sh"]) {
  if (readFileSync(join(pack, name), "utf8").includes(ROOT.replace(/\/$/, ""))) fail(`${name} names this checkout's folder`);
}
if (readdirSync(pack, { recursive: true }).some((path) => String(path).includes("node_modules"))) fail("the pack holds node_modules");

run("tar", "--create", "--gzip", "--owner=0", "--group=0", "--numeric-owner", "--file", archive, "--directory", out, "nudge-bench");
const { size } = statSync(archive);
console.log(`${pack}\n${archive}  ${(size / 1e6).toFixed(1)} MB`);
if (size > MOST_BYTES) fail(`the archive is larger than ${MOST_BYTES / 1e6} MB`);
