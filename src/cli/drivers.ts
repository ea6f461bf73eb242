// Where Vulkan drivers are described on Linux, and how one of them is chosen for Dawn.
//
// A driver is a JSON manifest that names a shared library. The Vulkan loader reads the manifests of fixed folders each time
// an instance is made, or only those that the environment names. Dawn makes an instance for each `create()` of the webgpu
// package, so the environment of this process decides, without a new process. It must be the main thread: `process.env` in
// a worker thread is a copy that native code does not see.

import { readdirSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { homeFolder } from "./home.ts";

/** Variables by which a user already chose a driver. VK_ICD_FILENAMES is what loaders before 1.3.207 know. */
const CHOOSING_VARIABLES = ["VK_DRIVER_FILES", "VK_ICD_FILENAMES", "VK_ADD_DRIVER_FILES"];

/** Folders whose manifests the loader finds by itself. */
function loaderFolders(env: NodeJS.ProcessEnv): string[] {
  const home = homeFolder(env);
  const ofUser = (variable: string | undefined, folder: string) => variable ?? (home && join(home, folder));
  const configs = [ofUser(env.XDG_CONFIG_HOME, ".config"), ...(env.XDG_CONFIG_DIRS ?? "/etc/xdg").split(":")];
  const datas = [ofUser(env.XDG_DATA_HOME, ".local/share"), ...(env.XDG_DATA_DIRS ?? "/usr/local/share:/usr/share").split(":")];
  return [...configs, "/usr/local/etc", "/etc", ...datas].flatMap((folder) => (folder ? [join(folder, "vulkan/icd.d")] : []));
}

/** Folders that containers with NVIDIA's driver mount and the loader does not know. */
const CONTAINER_FOLDERS = ["/usr/local/nvidia/share/vulkan/icd.d"];

const SWIFTSHADER_MANIFEST = "vk_swiftshader_icd.json";

/** Folders of browsers that bundle SwiftShader, Google's software Vulkan; * stands for any one folder. */
const BROWSER_FOLDERS = [
  "/usr/lib/chromium",
  "/usr/lib/chromium-browser",
  "/usr/lib64/chromium-browser",
  "/opt/google/chrome",
  "/opt/chromium",
  "/opt/microsoft/msedge",
  "/opt/brave.com/brave",
  "/snap/chromium/current/usr/lib/chromium-browser",
  "~/.cache/puppeteer/chrome/*/chrome-linux64",
  "~/.cache/ms-playwright/*/chrome-linux",
  "~/.cache/ms-playwright/*/chrome-linux64",
];

/** Manifests on this machine, by how a driver gets to be used. */
export interface Manifests {
  /** The loader finds these by itself. */
  readonly system: string[];
  /** Hardware drivers that must be pointed to. */
  readonly container: string[];
  /** SwiftShader inside browsers; must be pointed to. */
  readonly swiftshader: string[];
}

export function findManifests(env: NodeJS.ProcessEnv = process.env): Manifests {
  const swiftshader = BROWSER_FOLDERS.flatMap(expand).flatMap((folder) =>
    listJson(folder).filter((path) => path.endsWith(SWIFTSHADER_MANIFEST)),
  );
  return {
    system: [...new Set(loaderFolders(env).flatMap(listJson))],
    container: CONTAINER_FOLDERS.flatMap(listJson),
    swiftshader: [...new Set(swiftshader)],
  };
}

// Asked once, at the start: later the variables hold our own choice.
const chosenAtStart = CHOOSING_VARIABLES.some((name) => process.env[name]);

/** Whether the user chose the drivers; then nothing else is tried. */
export function userChoseDriver(): boolean {
  return chosenAtStart;
}

/** Points the Vulkan loader of this process, from the next instance on, to one manifest; undefined undoes it. */
export function pointLoaderTo(manifest: string | undefined): void {
  for (const name of ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"]) {
    if (manifest === undefined) delete process.env[name];
    else process.env[name] = manifest;
  }
}

/** glibc's flag to keep a library loaded when its handle is closed; Node has no name for it. */
const RTLD_NODELETE = 0x1000;
const preloaded = new Set<string>();

/**
 * Loads the Vulkan loader that Chromium brings along, for systems without libvulkan1: Dawn asks for "libvulkan.so.1" by
 * name, and the dynamic linker answers with the one already in memory. Returns whether anything new was loaded.
 */
export function preloadVulkanLoader(manifest: string): boolean {
  const library = join(dirname(manifest), "libvulkan.so.1");
  if (preloaded.has(library)) return false;
  preloaded.add(library);
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
  } catch (error) {
    // Node complains that the library is no Node module, after it has been loaded; any other complaint means it was not.
    return (error as Error).message.includes("self-register");
  }
  return true;
}

/** Manifests in a folder; none where the folder is missing or unreadable. */
function listJson(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function expand(pattern: string): string[] {
  const home = homeFolder();
  if (pattern.startsWith("~") && !home) return [];
  const path = pattern.replace(/^~/, home ?? "");
  const [before, after] = path.split("/*/");
  if (after === undefined) return [path];
  try {
    return readdirSync(before!).map((name) => join(before!, name, after));
  } catch {
    return [];
  }
}
