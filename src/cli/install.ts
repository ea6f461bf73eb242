// Brings a software adapter to a Debian or Ubuntu machine that has neither a GPU driver nor a browser.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { stderrFd } from "./guard.ts";

/** What would help on this system. */
export interface SoftwareAdapterPackage {
  readonly packages: readonly string[];
  readonly why: string;
}

/**
 * The package that provides a software adapter, or undefined where apt-get would not help.
 *
 * Debian: chromium, because Debian 12's Mesa is too old for Dawn (it lacks dynamic indexing of uniform arrays). Ubuntu:
 * Mesa, because there chromium is a snap, which containers cannot install, and Mesa is new enough since 22.04.
 */
export function softwareAdapterPackage(osRelease = readOsRelease()): SoftwareAdapterPackage | undefined {
  const ids = [field(osRelease, "ID"), ...field(osRelease, "ID_LIKE").split(" ")];
  if (ids.includes("ubuntu")) {
    return { packages: ["mesa-vulkan-drivers", "libvulkan1"], why: "Mesa's lavapipe is a Vulkan driver that runs on the CPU" };
  }
  if (ids.includes("debian")) {
    return { packages: ["chromium"], why: "it brings SwiftShader, a Vulkan driver that runs on the CPU" };
  }
  return undefined;
}

/** The command to type, without sudo. */
export function installCommand({ packages }: SoftwareAdapterPackage): string {
  return `apt-get install -y --no-install-recommends ${packages.join(" ")}`;
}

/** Whether it can be done here and now, without asking for a password. */
export function canInstall(): boolean {
  return process.platform === "linux" && process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
}

/**
 * Runs apt-get; its output goes to stderr, so that stdout stays a report.
 * @returns undefined on success, else the reason in a few words
 */
export async function installPackages({ packages }: SoftwareAdapterPackage, signal?: AbortSignal): Promise<string | undefined> {
  const update = await apt(["update"], signal);
  // A stale or partly unreachable list may still hold the package: let the installation decide.
  const install = await apt(["install", "-y", "--no-install-recommends", ...packages], signal);
  return install === undefined ? undefined : (update ?? install);
}

function apt(args: string[], signal?: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn("apt-get", ["-q", ...args], {
      stdio: ["ignore", stderrFd, stderrFd],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      signal,
    });
    child.on("error", (error) => resolve(`apt-get ${args[0]}: ${error.message}`));
    child.on("close", (code) => resolve(code === 0 ? undefined : `apt-get ${args[0]} ended with code ${code}`));
  });
}

function readOsRelease(): string {
  try {
    return readFileSync("/etc/os-release", "utf8");
  } catch {
    return "";
  }
}

function field(osRelease: string, name: string): string {
  return new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(osRelease)?.[1] ?? "";
}
