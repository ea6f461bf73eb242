/**
 * The platform's types as far as published types name them, empty: they merge with those of the library "dom", of @types/node and
 * of @webgpu/types where an app has them, and let an app without them compile. scripts/build.mjs puts this file beside the
 * published types.
 */
/* eslint-disable @typescript-eslint/no-empty-object-type */
interface AbortSignal {}
interface GPU {}
interface GPUBindGroupLayout {}
interface GPUBuffer {}
interface GPUBufferBinding {}
interface GPUCommandEncoder {}
interface GPUComputePassEncoder {}
interface GPUComputePipeline {}
interface GPUDevice {}
interface GPUQueue {}
