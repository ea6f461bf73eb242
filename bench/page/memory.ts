/**
 * Bytes of GPU buffers, counted where WebGPU makes and frees them, the same for every contestant. A buffer counts until it is
 * destroyed, its device is, or it is collected. Imported before anything that opens a device.
 */

interface Count {
  size: number;
  live: boolean;
}

let bytes = 0;
let peak = 0;
const counts = new WeakMap<GPUBuffer, Count>();
const ofDevice = new WeakMap<GPUDevice, Count[]>();

function free(count: Count): void {
  if (count.live) bytes -= count.size;
  count.live = false;
}

const collected = new FinalizationRegistry(free);

/** Counts what is made from now on. */
export function countGpuMemory(): void {
  if (typeof GPUDevice === "undefined") return;
  const { createBuffer, destroy } = GPUDevice.prototype;
  const { destroy: destroyBuffer } = GPUBuffer.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const buffer = createBuffer.call(this, descriptor);
    const count = { size: descriptor.size, live: true };
    counts.set(buffer, count);
    ofDevice.set(this, [...(ofDevice.get(this) ?? []).filter(({ live }) => live), count]);
    collected.register(buffer, count);
    bytes += count.size;
    peak = Math.max(peak, bytes);
    return buffer;
  };
  GPUBuffer.prototype.destroy = function () {
    const count = counts.get(this);
    if (count) free(count);
    return destroyBuffer.call(this);
  };
  GPUDevice.prototype.destroy = function () {
    for (const count of ofDevice.get(this) ?? []) free(count);
    return destroy.call(this);
  };
}

/** The most bytes held at once so far. */
export function peakBytes(): number {
  return peak;
}
