/** Adapters: how one is chosen, what the user is told about it, and a device of it. */
import type { AdapterFacts } from "../../kernels/op.ts";
import { AdapterError } from "../errors.ts";

/** What the user is told about the adapter. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** True for a CPU that stands in for a GPU: SwiftShader, llvmpipe, WARP. */
  readonly software: boolean;
  readonly features: readonly string[];
}

export type AdapterChoice = "auto" | "software" | "high-performance" | "low-power";

export interface DeviceOptions {
  /** A device of yours. It stays yours: dispose() leaves it alone. */
  readonly device?: GPUDevice;
  /** Entry point of WebGPU; default navigator.gpu. In Node, what the `webgpu` package's create() returns. */
  readonly gpu?: GPU;
  readonly adapter?: AdapterChoice;
}

const WANTED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupStorageSize",
  "maxStorageBuffersPerShaderStage",
] as const;

const WANTED_FEATURES: readonly GPUFeatureName[] = ["timestamp-query", "subgroups", "shader-f16"];

/** The least that a subgroup can hold: WGSL has operations on quads. */
const QUAD = 4;

const SOFTWARE_NAMES = /swiftshader|llvmpipe|lavapipe|software|warp|microsoft basic render/i;

function describe(info: GPUAdapterInfo | undefined, features: Iterable<string>): AdapterDescription {
  const text = [info?.vendor, info?.architecture, info?.device, info?.description].join(" ");
  return {
    vendor: info?.vendor ?? "",
    architecture: info?.architecture ?? "",
    device: info?.device ?? "",
    description: info?.description ?? "",
    software: (info?.isFallbackAdapter ?? false) || SOFTWARE_NAMES.test(text),
    features: [...features].sort(),
  };
}

/** A device and how Nudge came by it. */
export interface OpenDevice {
  readonly device: GPUDevice;
  readonly adapter: AdapterDescription;
  /** Whether Nudge opened the device, and so destroys it. */
  readonly owned: boolean;
  /** Held so that Dawn for Node does not collect the instance while its device is in use. */
  readonly gpu?: GPU;
}

/** Opens a device, or takes the one given. Throws AdapterError when there is no WebGPU, no adapter, or none that fits. */
export async function openDevice({
  device: given,
  gpu = globalThis.navigator?.gpu,
  adapter: choice = "auto",
}: DeviceOptions): Promise<OpenDevice> {
  if (given) return { device: given, adapter: describe(given.adapterInfo, given.features), owned: false };
  if (!gpu) throw new AdapterError("WebGPU is not available here; use a current browser, or the `webgpu` package in Node");
  const adapter = await gpu.requestAdapter({
    ...(choice === "software" && { forceFallbackAdapter: true }),
    ...(choice !== "software" && { powerPreference: choice === "low-power" ? "low-power" : "high-performance" }),
  });
  if (!adapter) throw new AdapterError(`no WebGPU adapter was found (asked for: ${choice})`);
  const requiredLimits = Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]]));
  const requiredFeatures = WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
  const device = await adapter.requestDevice({ label: "nudge", requiredLimits, requiredFeatures });
  return { device, adapter: describe(adapter.info, adapter.features), owned: true, gpu };
}

/** What planners need to know of a device. */
export function factsOf({ device, adapter }: OpenDevice): AdapterFacts {
  return {
    software: adapter.software,
    vendor: adapter.vendor,
    architecture: adapter.architecture,
    maxInvocations: device.limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupBytes: device.limits.maxComputeWorkgroupStorageSize,
    subgroupSize: device.features.has("subgroups") ? (device.adapterInfo?.subgroupMinSize ?? QUAD) : 0,
    f16: device.features.has("shader-f16"),
  };
}
