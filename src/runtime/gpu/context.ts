/** The device and what every program shares: adapter facts, buffers with accounts, pipelines, errors, readback. */
import type { AdapterFacts } from "../../kernels/op.ts";
import { AdapterError, DeviceLostError, DisposedError, GpuError } from "../errors.ts";
import { hastened } from "./hasten.ts";
import { PipelineCache } from "./pipelines.ts";

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

export interface MemoryReport {
  /** Buffers in use, their bytes, and the most bytes ever in use. */
  readonly buffers: number;
  readonly bytes: number;
  readonly peakBytes: number;
  /** Bytes of buffers of disposed tensors that wait for the next tensor of their size. */
  readonly spareBytes: number;
}

/** Buffers of disposed tensors that are kept for the next: no more than so many bytes. */
const MOST_SPARE_BYTES = 2 ** 26;

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

/** Elsewhere Dawn is asked at every turn of the event loop. */
const inBrowser = globalThis.navigator?.gpu !== undefined;

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

const wholeWords = (bytes: number) => Math.max(16, Math.ceil(bytes / 4) * 4);
const spareKey = (size: number, usage: GPUBufferUsageFlags) => `${size} ${usage}`;

export class GpuContext {
  readonly pipelines: PipelineCache;
  readonly facts: AdapterFacts;
  /** Stands for kernel inputs that are declared but not read. */
  readonly nothing: GPUBuffer;
  /** Resolves with the reason when the device is lost; never rejects. */
  readonly lost: Promise<DeviceLostError>;
  private readonly live = new Map<GPUBuffer, number>();
  private readonly spare = new Map<string, GPUBuffer[]>();
  private spareBytes = 0;
  private readonly staging = new Map<number, GPUBuffer[]>();
  private bytes = 0;
  private peakBytes = 0;
  private failure: Error | undefined;
  private disposed = false;

  private constructor(
    readonly device: GPUDevice,
    readonly adapter: AdapterDescription,
    private readonly owned: boolean,
    /** Held so that Dawn for Node does not collect the instance while its device is in use. */
    readonly gpu?: GPU,
  ) {
    this.facts = {
      software: adapter.software,
      vendor: adapter.vendor,
      architecture: adapter.architecture,
      maxInvocations: device.limits.maxComputeInvocationsPerWorkgroup,
      maxWorkgroupBytes: device.limits.maxComputeWorkgroupStorageSize,
      subgroupSize: device.features.has("subgroups") ? (device.adapterInfo?.subgroupMinSize ?? QUAD) : 0,
      f16: device.features.has("shader-f16"),
    };
    this.pipelines = new PipelineCache(device);
    this.nothing = this.createBuffer("nothing", 256, GPUBufferUsage.STORAGE);
    this.lost = device.lost.then(({ reason, message }) => {
      const error = new DeviceLostError(`the GPU device was lost (${reason}): ${message}`);
      this.failure ??= this.disposed ? undefined : error;
      return error;
    });
    device.addEventListener("uncapturederror", (event) => {
      this.failure ??= new GpuError(event.error.message);
    });
  }

  /** Opens a device. Throws AdapterError when there is no WebGPU, no adapter, or none that fits. */
  static async open(options: DeviceOptions = {}): Promise<GpuContext> {
    if (options.device) {
      const { device } = options;
      return new GpuContext(device, describe(device.adapterInfo, device.features), false);
    }
    const gpu = options.gpu ?? globalThis.navigator?.gpu;
    if (!gpu) throw new AdapterError("WebGPU is not available here; use a current browser, or the `webgpu` package in Node");
    const choice = options.adapter ?? "auto";
    const adapter = await gpu.requestAdapter({
      ...(choice === "software" && { forceFallbackAdapter: true }),
      ...(choice !== "software" && { powerPreference: choice === "low-power" ? "low-power" : "high-performance" }),
    });
    if (!adapter) throw new AdapterError(`no WebGPU adapter was found (asked for: ${choice})`);
    const requiredLimits = Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]]));
    const requiredFeatures = WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
    const device = await adapter.requestDevice({ label: "nudge", requiredLimits, requiredFeatures });
    return new GpuContext(device, describe(adapter.info, adapter.features), true, gpu);
  }

  createBuffer(label: string, bytes: number, usage: GPUBufferUsageFlags, mapped = false): GPUBuffer {
    this.check();
    const buffer = this.device.createBuffer({ label, size: wholeWords(bytes), usage, mappedAtCreation: mapped });
    this.account(buffer);
    return buffer;
  }

  /** As createBuffer, from what recycleBuffer put aside where there is something. Its content is left from before. */
  reuseBuffer(label: string, bytes: number, usage: GPUBufferUsageFlags): GPUBuffer {
    this.check();
    const buffer = this.spare.get(spareKey(wholeWords(bytes), usage))?.pop();
    if (!buffer) return this.createBuffer(label, bytes, usage);
    buffer.label = label;
    this.spareBytes -= buffer.size;
    this.account(buffer);
    return buffer;
  }

  /** Takes a buffer out of use, and keeps it for reuseBuffer as long as little is kept. Work under way may still use it. */
  recycleBuffer(buffer: GPUBuffer): void {
    if (!this.live.has(buffer)) return;
    if (this.spareBytes + buffer.size > MOST_SPARE_BYTES) return this.destroyBuffer(buffer);
    this.live.delete(buffer);
    this.bytes -= buffer.size;
    this.spareBytes += buffer.size;
    const key = spareKey(buffer.size, buffer.usage);
    const list = this.spare.get(key);
    if (list) list.push(buffer);
    else this.spare.set(key, [buffer]);
  }

  private account(buffer: GPUBuffer): void {
    this.live.set(buffer, buffer.size);
    this.bytes += buffer.size;
    this.peakBytes = Math.max(this.peakBytes, this.bytes);
  }

  destroyBuffer(buffer: GPUBuffer): void {
    const size = this.live.get(buffer);
    if (size === undefined) return;
    this.live.delete(buffer);
    this.bytes -= size;
    buffer.destroy();
  }

  memory(): MemoryReport {
    return { buffers: this.live.size, bytes: this.bytes, peakBytes: this.peakBytes, spareBytes: this.spareBytes };
  }

  /** Throws what went wrong on the device since, or DisposedError. */
  check(): void {
    if (this.disposed) throw new DisposedError("the engine was disposed");
    if (this.failure) throw this.failure;
  }

  /** Encodes and submits under error scopes; a validation or memory error makes every later read throw. */
  submit(label: string, encode: (encoder: GPUCommandEncoder) => void): void {
    this.check();
    this.device.pushErrorScope("out-of-memory");
    this.device.pushErrorScope("validation");
    const encoder = this.device.createCommandEncoder({ label });
    encode(encoder);
    this.device.queue.submit([encoder.finish({ label })]);
    for (let scope = 0; scope < 2; scope++) {
      const popped = this.device.popErrorScope().then((error) => {
        if (error) this.failure ??= new GpuError(`${label}: ${error.message}`);
      });
      // A scope popped on a lost device rejects; `lost` says why.
      this.pending = Promise.all([this.pending, popped.catch(() => undefined)]).then(() => undefined);
    }
  }

  private pending: Promise<void> = Promise.resolve();

  /** Bytes of a buffer, once all work submitted so far is done. Throws the first error of that work. */
  async read(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    this.check();
    const size = Math.max(16, 2 ** Math.ceil(Math.log2(bytes)));
    const free = this.staging.get(size) ?? [];
    this.staging.set(size, free);
    const staging = free.pop() ?? this.createBuffer("readback", size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    this.submit("readback", (encoder) => encoder.copyBufferToBuffer(buffer, offset, staging, 0, Math.ceil(bytes / 4) * 4));
    try {
      const mapped = staging.mapAsync(GPUMapMode.READ, 0, Math.ceil(bytes / 4) * 4);
      await (inBrowser ? hastened(mapped, this.device.queue) : mapped);
    } catch (error) {
      await this.pending;
      this.check();
      throw new GpuError(`readback failed: ${(error as Error).message}`);
    }
    const copy = staging.getMappedRange(0, Math.ceil(bytes / 4) * 4).slice(0, bytes);
    staging.unmap();
    free.push(staging);
    await this.pending;
    this.check();
    return copy;
  }

  /** Destroys every buffer, and the device if it is ours. Idempotent. */
  dispose(): void {
    if (this.disposed) return;
    for (const buffer of [...this.live.keys()]) this.destroyBuffer(buffer);
    for (const buffer of [...this.spare.values()].flat()) buffer.destroy();
    this.spare.clear();
    this.spareBytes = 0;
    this.disposed = true;
    if (this.owned) this.device.destroy();
  }
}
