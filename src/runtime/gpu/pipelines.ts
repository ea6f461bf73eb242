/** Compiled pipelines, each made once per device; concurrent requests for one share its compilation. */
import { GpuError, ShaderCompileError } from "../errors.ts";
import { pipelineKey, specialise } from "./kernel.ts";
import type { ConstantValue, Kernel } from "./kernel.ts";

export interface CompiledKernel {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

export class PipelineCache {
  private readonly ready = new Map<string, Promise<CompiledKernel>>();
  private readonly layouts = new Map<string, GPUBindGroupLayout>();

  /** `reasonFor`: whether a failure is the device's end rather than the shader's fault. */
  constructor(
    private readonly device: GPUDevice,
    private readonly reasonFor: (error: unknown) => Promise<Error>,
  ) {}

  get size(): number {
    return this.ready.size;
  }

  /** Resolves when nothing that was asked for so far is being compiled. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.ready.values());
  }

  /** Throws ShaderCompileError with the compiler's messages and the linked source; a failed build may be tried again. */
  compile(kernel: Kernel, constants: Readonly<Record<string, ConstantValue>>): Promise<CompiledKernel> {
    const key = pipelineKey(kernel, constants);
    const known = this.ready.get(key);
    if (known) return known;
    const building = this.build(key, kernel, constants);
    this.ready.set(key, building);
    building.catch(() => this.ready.delete(key));
    return building;
  }

  private async build(key: string, kernel: Kernel, constants: Readonly<Record<string, ConstantValue>>): Promise<CompiledKernel> {
    const code = specialise(kernel, constants);
    // Scopes are pushed and popped without an await between, so concurrent builds cannot take each other's errors.
    this.device.pushErrorScope("validation");
    const layout = this.layoutOf(kernel);
    const pipelineLayout = this.device.createPipelineLayout({ label: key, bindGroupLayouts: [layout] });
    const module = this.device.createShaderModule({ label: key, code });
    const scope = this.device.popErrorScope().catch(() => null);
    try {
      // Not after the module's messages: they are awaited where there is something to say, while others compile.
      const pipeline = await this.device.createComputePipelineAsync({
        label: key,
        layout: pipelineLayout,
        compute: { module, entryPoint: "main" },
      });
      return { pipeline, layout };
    } catch (failure) {
      const reason = await this.reasonFor(failure);
      if (!(reason instanceof GpuError)) throw reason;
      const messages = await errorsOf(module, code).catch(() => []);
      const cause = (await scope) ?? (failure as Error);
      throw new ShaderCompileError(key, messages.length > 0 ? messages : [cause.message], code);
    }
  }

  private layoutOf(kernel: Kernel): GPUBindGroupLayout {
    const types = kernel.bindings.map(({ index, kind }) => `${index}${kind}`).join();
    const known = this.layouts.get(types);
    if (known) return known;
    const bufferTypes = { read: "read-only-storage", write: "storage", uniform: "uniform" } as const;
    const layout = this.device.createBindGroupLayout({
      label: kernel.name,
      entries: kernel.bindings.map(({ index, kind }) => ({
        binding: index,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: bufferTypes[kind] },
      })),
    });
    this.layouts.set(types, layout);
    return layout;
  }
}

async function errorsOf(module: GPUShaderModule, code: string): Promise<string[]> {
  const { messages } = await module.getCompilationInfo();
  return messages
    .filter(({ type }) => type === "error")
    .map(({ lineNum, linePos, message }) => `${lineNum}:${linePos} ${message}${sourceLine(code, lineNum)}`);
}

function sourceLine(code: string, line: number): string {
  const text = code.split("\n")[line - 1]?.trim();
  return text ? ` in «${text}»` : "";
}
