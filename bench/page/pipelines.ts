/** How many compute pipelines a page makes, counted the same for every contestant. */

let made = 0;

export function countPipelines(): void {
  if (typeof GPUDevice === "undefined") return;
  const { createComputePipeline, createComputePipelineAsync } = GPUDevice.prototype;
  GPUDevice.prototype.createComputePipeline = function (descriptor) {
    made++;
    return createComputePipeline.call(this, descriptor);
  };
  GPUDevice.prototype.createComputePipelineAsync = function (descriptor) {
    made++;
    return createComputePipelineAsync.call(this, descriptor);
  };
}

export function pipelinesMade(): number {
  return made;
}
