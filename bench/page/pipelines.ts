/** Compute pipelines a page makes and how long it waits for them, counted the same for every contestant. */

let made = 0;
let pending = 0;
let since = 0;
let waited = 0;

/** Replaces what makes pipelines. Those made synchronously are compiled whenever the browser likes: they have no waiting time. */
export function countPipelines(): void {
  if (typeof GPUDevice === "undefined") return;
  const { createComputePipeline, createComputePipelineAsync } = GPUDevice.prototype;
  GPUDevice.prototype.createComputePipeline = function (descriptor) {
    made++;
    return createComputePipeline.call(this, descriptor);
  };
  GPUDevice.prototype.createComputePipelineAsync = async function (descriptor) {
    made++;
    if (pending++ === 0) since = performance.now();
    try {
      return await createComputePipelineAsync.call(this, descriptor);
    } finally {
      if (--pending === 0) waited += performance.now() - since;
    }
  };
}

export function pipelinesMade(): number {
  return made;
}

/** Milliseconds during which at least one asynchronous compilation was under way. */
export function compilingMs(): number {
  return waited;
}
