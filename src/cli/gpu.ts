// A WebGPU implementation for Node: Dawn, through the optional package webgpu, on the best adapter that can be found.
//
//   auto                          hardware; else lavapipe where Mesa's is new enough (about three times as fast as
//                                 SwiftShader); else SwiftShader out of a browser
//   software                      lavapipe, else SwiftShader
//   high-performance, low-power   hardware, with WebGPU's power preference

import { createEngine, type Engine } from "../index.ts";
import { AdapterError } from "../runtime/errors.ts";
import { findManifests, pointLoaderTo, preloadVulkanLoader, userChoseDriver } from "./drivers.ts";
import { canInstall, installCommand, installPackages, softwareAdapterPackage } from "./install.ts";
import type { AdapterChoice } from "./options.ts";

export interface OpenOptions {
  adapter?: AdapterChoice;
  /** Install a software adapter through apt-get when there is no adapter at all and this process is root. */
  installIfMissing?: boolean;
  /** Options of Dawn's create(), such as "enable-dawn-features=disable_robustness"; for benchmarks. */
  dawn?: readonly string[];
  /** Hears what is installed and why. Default: silence. */
  log?: (line: string) => void;
  signal?: AbortSignal;
}

export interface FoundGpu {
  readonly gpu: GPU;
  readonly info: GPUAdapterInfo;
  /** The manifest the Vulkan loader was pointed to, where it had to be. */
  readonly driver: string | undefined;
}

export interface OpenedGpu extends FoundGpu {
  readonly engine: Engine;
}

/** Finds a GPU and starts an engine on it. The caller disposes of the engine. */
export async function openGpu(options: OpenOptions = {}): Promise<OpenedGpu> {
  const found = await findGpu(options);
  const { adapter = "auto" } = options;
  // WebGPU's fallback adapter means SwiftShader to Dawn and would reject lavapipe; the driver is settled already.
  const engine = await createEngine({ gpu: found.gpu, adapter: adapter === "software" ? "auto" : adapter });
  return { ...found, engine };
}

/**
 * Finds a GPU, without an engine.
 * @throws AdapterError with what to do about it
 */
export async function findGpu(options: OpenOptions = {}): Promise<FoundGpu> {
  const { adapter = "auto", installIfMissing = false, dawn = [], log = () => {}, signal } = options;
  const load = await loadDawn();
  const create = () => load([...dawn]);
  const first = await search(create, adapter);
  if (first.found) return first.found;
  const remedy = process.platform === "linux" && !userChoseDriver() ? softwareAdapterPackage() : undefined;
  const wantsSoftware = adapter === "auto" || adapter === "software";
  if (!remedy || !wantsSoftware) throw new AdapterError(explain(adapter, first.seen));

  const command = installCommand(remedy);
  const situation = "no GPU driver that works and no browser with a software one were found";
  if (!installIfMissing || !canInstall()) {
    const sudo = process.getuid?.() === 0 ? "" : "sudo ";
    throw new AdapterError(`no WebGPU adapter: ${situation}; install one with: ${sudo}${command}`);
  }
  log(`No WebGPU adapter: ${situation}.`);
  log(`Installing ${remedy.packages.join(" and ")} (${remedy.why}): apt-get update && ${command}`);
  const failure = await installPackages(remedy, signal);
  signal?.throwIfAborted();
  const second = await search(create, adapter);
  if (second.found) return second.found;
  throw new AdapterError(`no WebGPU adapter: ${situation}, and installing one failed: ${failure ?? "the new driver does not work here"}`);
}

type Create = (options: string[]) => GPU;

/** The package's `create`, with the WebGPU constants (GPUBufferUsage, …) made global as in a browser. */
async function loadDawn(): Promise<Create> {
  try {
    const { create, globals } = await import("webgpu");
    for (const [name, value] of Object.entries(globals as Record<string, unknown>))
      if (!(name in globalThis)) Object.assign(globalThis, { [name]: value });
    return create;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") {
      throw new AdapterError("WebGPU in Node needs the package webgpu, which is not installed: npm install webgpu");
    }
    throw new AdapterError(`the package webgpu does not load on this system: ${message.split("\n")[0]}`);
  }
}

/** One way to get at an adapter. */
interface Attempt {
  driver?: string;
  options?: GPURequestAdapterOptions;
  wanted: "hardware" | "software" | "any";
}

interface SearchResult {
  found?: FoundGpu;
  /** Adapters that exist but were not wanted. */
  seen: string[];
}

async function search(create: () => GPU, adapter: AdapterChoice): Promise<SearchResult> {
  const seen = new Set<string>();
  for (const attempt of attempts(adapter)) {
    const result = await tryAttempt(create, attempt);
    if (!result) continue;
    const software = isSoftware(result.info);
    if (attempt.wanted === "any" || (attempt.wanted === "software") === software) {
      return { found: { ...result, driver: attempt.driver }, seen: [...seen] };
    }
    seen.add(describeAdapter(result.info));
  }
  return { seen: [...seen] };
}

/** What to try, in order. */
function attempts(adapter: AdapterChoice): Attempt[] {
  const options = adapter === "auto" || adapter === "software" ? {} : { powerPreference: adapter };
  if (process.platform !== "linux") {
    const software: Attempt = { wanted: "software", options: { forceFallbackAdapter: true } };
    return adapter === "software" ? [software] : [{ wanted: adapter === "auto" ? "any" : "hardware", options }];
  }
  if (userChoseDriver()) {
    return [{ wanted: adapter === "auto" ? "any" : adapter === "software" ? "software" : "hardware", options }];
  }
  const { system, container, swiftshader } = findManifests();
  // Without manifests the loader finds nothing and says so at length on stderr: spare the user that.
  const asInstalled: Attempt[] = system.length > 0 ? [{ wanted: "hardware", options }] : [];
  const hardware: Attempt[] = [...asInstalled, ...container.map((driver): Attempt => ({ driver, wanted: "hardware", options }))];
  const software = [...system.filter(isSoftwareManifest), ...swiftshader].map((driver): Attempt => ({ driver, wanted: "software" }));
  if (adapter === "software") return software;
  if (adapter !== "auto") return hardware;
  // With one hardware attempt, the software adapter it may give is lavapipe: take it rather than make the instance twice.
  return hardware.length === 1 ? [{ ...hardware[0]!, wanted: "any" }, ...software] : [...hardware, ...software];
}

async function tryAttempt(create: () => GPU, { driver, options }: Attempt): Promise<{ gpu: GPU; info: GPUAdapterInfo } | undefined> {
  if (process.platform === "linux" && !userChoseDriver()) pointLoaderTo(driver);
  const request = async () => {
    const gpu = create();
    const info = (await gpu.requestAdapter(options))?.info;
    return info && { gpu, info };
  };
  const result = await request();
  if (result || driver === undefined || !preloadVulkanLoader(driver)) return result;
  return request();
}

/** Mesa's lavapipe, by the name of its manifest (lvp_icd.json, lvp_icd.x86_64.json). */
function isSoftwareManifest(path: string): boolean {
  return /lvp|llvmpipe|lavapipe|swiftshader/.test(path);
}

export function isSoftware(info: GPUAdapterInfo): boolean {
  return info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|basic render/i.test(`${info.device} ${info.description}`);
}

export function describeAdapter(info: GPUAdapterInfo): string {
  const name = info.description || info.device || info.architecture || info.vendor || "unnamed adapter";
  return isSoftware(info) ? `${name} (software: it runs on the CPU)` : name;
}

function explain(adapter: AdapterChoice, seen: readonly string[]): string {
  const chosen = userChoseDriver() ? " among the drivers that VK_DRIVER_FILES or VK_ICD_FILENAMES names" : "";
  if (seen.length === 0) return `no WebGPU adapter was found${chosen}; see nudge devices`;
  const kind = adapter === "software" ? "software" : "hardware";
  return `no ${kind} adapter was found${chosen} for --adapter ${adapter}, only ${seen.join(", ")}; try --adapter auto`;
}
