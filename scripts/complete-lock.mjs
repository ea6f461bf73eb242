// Adds to package-lock.json the optional platform packages that npm left out.
//
//   npm install && node scripts/complete-lock.mjs
//
// Native packages name one optional dependency per platform. npm locks only those that the registry it talks to can show it,
// and a mirror may hold few platforms; `npm ci` then refuses the lock everywhere as incomplete. An added entry holds what
// the name and version say (npm fills in the checksum when it next installs that platform), so other platforms skip it.

import { readFileSync, writeFileSync } from "node:fs";

const LOCK = new URL("../package-lock.json", import.meta.url);

const lock = JSON.parse(readFileSync(LOCK, "utf8"));
const added = [];

for (const [path, parent] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const present = [`${path}/node_modules/${name}`, `node_modules/${name}`].some((place) => place in lock.packages);
    if (present || !/^\d/.test(version)) continue;
    const platform = platformOf(name);
    if (!platform) throw new Error(`${name}: no platform can be read from this name`);
    const { cpu, os, libc } = platform;
    const dev = parent.dev ? { dev: true } : {};
    lock.packages[`node_modules/${name}`] = { version, cpu, ...dev, ...(libc && { libc }), optional: true, os };
    added.push(`${name}@${version}`);
  }
}

const sorted = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, "en"));
lock.packages = Object.fromEntries(sorted);
if (added.length > 0) writeFileSync(LOCK, `${JSON.stringify(lock, undefined, 2)}\n`);
console.log(added.length > 0 ? `added ${added.join(", ")}` : "package-lock.json is complete");

/** What names such as canvas-linux-x64-musl and binding-win32-arm64-msvc say. */
function platformOf(name) {
  const match =
    /-(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|ia32|ppc64|riscv64|s390x|x64)(?:-(gnu|musl|msvc|gnueabihf))?$/.exec(name);
  if (!match) return undefined;
  const [, os, cpu, abi] = match;
  const libc = os === "linux" && abi ? [abi === "musl" ? "musl" : "glibc"] : undefined;
  return { os: [os], cpu: [cpu], libc };
}
