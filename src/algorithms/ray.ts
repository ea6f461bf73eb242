/** Labels along the rays from images to where they are perturbed, on the GPU: what refine.ts asks for. */
import { Work } from "../runtime/gpu/work.ts";
import gridSource from "../../shaders/lib/grid.wgsl?raw";
import raySource from "../../shaders/deepfool/ray.wgsl?raw";
import type { GpuContext } from "../runtime/gpu/context.ts";
import { defineKernel } from "../runtime/gpu/kernel.ts";
import { Stage } from "../runtime/gpu/stage.ts";
import { gridSize } from "../runtime/plan/launch.ts";
import type { Program } from "../runtime/plan/program.ts";
import { classifyKernel } from "./tick.ts";
import type { TickSizes } from "./tick.ts";

const rayKernel = defineKernel("deepfool_ray", raySource, gridSource);

const LANES = 64;
const BYTES = 4;

export interface RayRequest {
  readonly gpu: GpuContext;
  readonly program: Program;
  readonly sizes: TickSizes;
  /** By the names that the kernels' WGSL gives them: x, r, list, factors, input, logits, predicted. */
  readonly buffers: Readonly<Record<string, GPUBuffer>>;
}

export class Rays {
  private constructor(
    private readonly request: RayRequest,
    private readonly stages: Readonly<Record<"scale" | "add" | "classify", Stage>>,
  ) {}

  static async create(request: RayRequest): Promise<Rays> {
    const { gpu, buffers, sizes } = request;
    const { elements, classes, capacity } = sizes;
    const ray = (adds: number) =>
      new Stage(gpu, { kernel: rayKernel, constants: { LANES }, buffers, params: { elements, capacity, adds } });
    const stages = {
      scale: ray(0),
      add: ray(1),
      classify: new Stage(gpu, { kernel: classifyKernel, constants: { LANES }, buffers, params: { classes, capacity } }),
    };
    await Promise.all(Object.values(stages).map(({ ready }) => ready));
    return new Rays(request, stages);
  }

  /** Labels of x + factor · r for images of the segment, a capacity at a time. The product is rounded before it is added. */
  async labels(images: readonly number[], factors: readonly number[]): Promise<Uint32Array> {
    const { gpu, program, sizes, buffers } = this.request;
    const { elements, capacity } = sizes;
    const { scale, add, classify } = this.stages;
    const labels = new Uint32Array(images.length);
    for (let first = 0; first < images.length; first += capacity) {
      const count = Math.min(capacity, images.length - first);
      gpu.device.queue.writeBuffer(buffers["list"]!, 0, Uint32Array.from(images.slice(first, first + count)));
      gpu.device.queue.writeBuffer(buffers["factors"]!, 0, Float32Array.from(factors.slice(first, first + count)));
      const work = new Work(gpu);
      work.submit("attack rays", (encoder) => {
        const pass = encoder.beginComputePass({ label: "attack rays" });
        const [x, y] = gridSize({ lead: "sample", items: elements, perGroup: LANES, depth: 1 }, count);
        scale.encode(pass, x, y);
        add.encode(pass, x, y);
        program.encode(pass, count, "forward");
        classify.encode(pass, Math.ceil(capacity / LANES));
        pass.end();
      });
      labels.set(new Uint32Array(await work.read(buffers["predicted"]!, 0, count * BYTES)), first);
    }
    return labels;
  }

  dispose(): void {
    for (const stage of Object.values(this.stages)) stage.dispose();
  }
}
