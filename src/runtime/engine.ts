/** The engine: one GPU device and the models loaded on it. */
import { wantsWinograd } from "../kernels/conv-lowering.ts";
import { ensureOps, loadRareOps, rareOpsLoaded } from "../kernels/registry.ts";
import { importNoted } from "./describe.ts";
import { deviceFields, loadFields, recoverFields } from "../options/engine.ts";
import { copyBytes, takeContents } from "./contents.ts";
import { checkOptions, display } from "../options/fields.ts";
import { AdapterError, ArgumentError, DisposedError, throwIfAborted, UnsupportedOpError } from "./errors.ts";
import type { DeviceLostError } from "./errors.ts";
import { GpuContext } from "./gpu/context.ts";
import type { AdapterDescription, DeviceOptions, MemoryReport } from "./gpu/context.ts";
import { withPreprocessing } from "./graph/preprocess.ts";
import type { PixelTransform } from "./graph/preprocess.ts";
import { hasLarge } from "./graph/passes/split-large.ts";
import { simplify } from "./graph/simplify.ts";
import { Model } from "./model.ts";
import type { Progress } from "./model.ts";
import { decodeModel } from "./onnx/decode.ts";
import { externalTensors } from "./onnx/external-data.ts";
import type { ExternalData } from "./onnx/external-data.ts";
import type { ConstantTensor, ImportedModel, ImportOptions } from "./onnx/import.ts";
import { opNamesOf } from "./onnx/import-nodes.ts";
import type { ModelProto } from "./onnx/messages.ts";
import type { WeightStorage } from "./plan/launch.ts";
import { rareParts } from "./rare-parts.ts";
import type { TuningTable } from "./tuning.ts";

export interface LoadProgress {
  readonly phase: "parse" | "plan" | "compile" | "upload";
  readonly done: number;
  readonly total: number;
}

export interface LoadOptions {
  /** Name in messages, labels and reports; default the graph's own. */
  readonly name?: string;
  /** Folded in front of the graph, so that inputs and perturbations are in pixel units. */
  readonly preprocessing?: PixelTransform;
  /** Extents for open axes, by the symbol the file gives them, or by input and axis: { height: 224, "x:3": 192 }. */
  readonly dimensions?: Readonly<Record<string, number>>;
  /** Inputs of the file to bind to constants, by name: weights, shapes and masks that some files leave to the caller. */
  readonly constants?: Readonly<Record<string, ConstantTensor>>;
  /**
   * Files that hold tensors of the model, by the names that it has for them, or a function that finds or fetches them: its bytes
   * belong to the model afterwards. It is never asked for a name that leads out of the model's folder.
   */
  readonly externalData?: ExternalData;
  /**
   * How the GPU stores the constant weights of convolutions and matrix products: f32, the default, or f16, which takes half of
   * the memory and of the bandwidth and needs an adapter with the feature shader-f16. Sums, activations, biases and all else are
   * f32 either way. As f16 weights are rounded to 11 bits: answers, derivatives and attacks are those of the rounded network, the
   * derivatives exact for it. Weights that leave f16's range (±65504) stay f32; describe() names them.
   */
  readonly weights?: WeightStorage;
  /** Most samples run at once; default 32. More samples are taken in turns. */
  readonly maxBatch?: number;
  /** Budget for working memory of one program, in bytes; default 1 GiB. Larger batches are split to stay within it. */
  readonly workingBytes?: number;
  /**
   * Kernel variants as tune() measured them. A table of another adapter, of another version or of other kernels is ignored, and
   * so is a choice that cannot compute its node; model.tuning says which it is.
   */
  readonly tuning?: TuningTable;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

const DEFAULT_MAX_BATCH = 32;
const DEFAULT_WORKING_BYTES = 2 ** 30;

/** How weights are to be stored. `f16`: whether the device has it. Throws ArgumentError and AdapterError. */
export function checkedStorage(wanted: WeightStorage = "f32", f16: boolean): WeightStorage {
  if (wanted !== "f32" && wanted !== "f16") throw new ArgumentError(`weights are stored as "f32" or "f16", not as "${String(wanted)}"`);
  if (wanted === "f16" && !f16) {
    throw new AdapterError(
      'this device cannot store weights as f16: it lacks the feature "shader-f16"; load the model with weights "f32", open another ' +
        'adapter, or, where the device is yours, request it with requiredFeatures: ["shader-f16"]',
    );
  }
  return wanted;
}

/** Imports a model; where the core refuses it, once more with all ops there are. */
async function importedWith(proto: ModelProto, options: ImportOptions): Promise<ImportedModel> {
  try {
    return importNoted(proto, options);
  } catch (error) {
    if (!(error instanceof UnsupportedOpError) || rareOpsLoaded()) throw error;
    await loadRareOps();
    return importNoted(proto, options);
  }
}

export class Engine {
  private readonly models = new Set<Model>();
  private disposed = false;

  /** @internal Use createEngine. */
  constructor(
    private gpu: GpuContext,
    private readonly options: DeviceOptions,
  ) {}

  get adapter(): AdapterDescription {
    return this.gpu.adapter;
  }

  /** The device; yours if you gave it. After recover() another one. */
  get device(): GPUDevice {
    return this.gpu.device;
  }

  /** Resolves when the device is lost, with the reason. After recover() it is a promise of the new device's. */
  get lost(): Promise<DeviceLostError> {
    return this.gpu.lost;
  }

  /**
   * After a loss: opens a new device as the first one was opened, and lets the same models work again from the host's copy of their
   * weights. Tensors of before stay lost. An engine on a device of yours needs a new one: `recover({ device })`. Does nothing while
   * the device works. Throws AdapterError, ArgumentError and DisposedError.
   */
  async recover(options: Pick<DeviceOptions, "device"> = {}): Promise<void> {
    const { device } = checkOptions<Pick<DeviceOptions, "device">>("recover", recoverFields, options);
    // The news of a loss may be on its way.
    await Promise.race([this.gpu.lost, new Promise((resolve) => setTimeout(resolve, 0))]);
    if (this.disposed) throw new DisposedError("the engine was disposed");
    if (!this.gpu.isLost) return;
    if (this.options.device && !device)
      throw new ArgumentError("recover: the lost device was yours, expected a new one: recover({ device })");
    const before = this.gpu;
    const gpu = await GpuContext.open({ ...this.options, ...(device && { device }) });
    if (this.disposed || this.gpu !== before) return gpu.dispose();
    this.gpu = gpu;
    for (const model of this.models) model.moveTo(gpu);
    before.dispose();
  }

  /** GPU buffers that Nudge holds now, their bytes, and the most bytes it ever held. */
  memory(): MemoryReport {
    return this.gpu.memory();
  }

  /**
   * Loads an ONNX model. Throws OnnxFormatError, UnsupportedOpError (all unsupported nodes at once), ShapeError, ArgumentError
   * where a file of the model's tensors is not given, AdapterError where weights are wanted as f16 and the device has no
   * shader-f16, and the signal's reason when aborted.
   */
  async load(source: Uint8Array | ArrayBuffer, given: LoadOptions = {}): Promise<Model> {
    this.gpu.check();
    const options = takeContents("load", checkOptions<LoadOptions>("load", loadFields, given));
    throwIfAborted(options.signal);
    const weights = checkedStorage(options.weights, this.gpu.facts.f16);
    // Copied: the caller may write over its bytes, and the model needs them as long as it lives.
    const bytes = bytesOf(source);
    const proto = decodeModel(bytes);
    await ensureOps(opNamesOf(proto));
    const isElsewhere = externalTensors(proto).length > 0;
    const externalData = isElsewhere ? await (await rareParts()).fetchExternalData(proto, options.externalData) : undefined;
    throwIfAborted(options.signal);
    const imported = await importedWith(proto, { ...options, externalData });
    options.onProgress?.({ phase: "parse", done: 1, total: 1 });
    const graph = options.preprocessing ? withPreprocessing(imported.graph, options.preprocessing) : imported.graph;
    const simplified = simplify(graph);
    const { maxStorageBufferBindingSize: most } = this.device.limits;
    const loaded = hasLarge(simplified, most) ? (await rareParts()).splitLarge(simplified, most) : simplified;
    // The rest holds kernels, too, that pay for large layers, and that a tuner may have found to pay elsewhere.
    if (loaded.nodes.some((node) => wantsWinograd(node, this.gpu.facts))) await loadRareOps();
    const { tuning } = options;
    const tuningStatus = tuning && (await rareParts()).checkTable(tuning, this.gpu.adapter);
    options.onProgress?.({ phase: "plan", done: 1, total: 1 });
    throwIfAborted(options.signal);
    this.gpu.check();
    const settings = {
      name: options.name ?? imported.graph.name,
      maxBatch: options.maxBatch ?? DEFAULT_MAX_BATCH,
      workingBytes: options.workingBytes ?? DEFAULT_WORKING_BYTES,
      weights,
      preprocessing: options.preprocessing,
      tuning,
      tuningStatus,
    };
    const model = new Model(this.gpu, imported, loaded, settings, (disposed) => this.models.delete(disposed));
    this.models.add(model);
    return model;
  }

  /** Frees all GPU memory, and the device unless it is yours. Idempotent. */
  dispose(): void {
    this.disposed = true;
    for (const model of this.models) model.dispose();
    this.models.clear();
    this.gpu.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Opens the engine. Throws AdapterError when there is no WebGPU, or no adapter that fits. */
export async function createEngine(options: DeviceOptions = {}): Promise<Engine> {
  const checked = checkOptions<DeviceOptions>("createEngine", deviceFields, options);
  return new Engine(await GpuContext.open(checked), checked);
}

/** A copy of a model's bytes. Throws ArgumentError for what is no bytes. */
function bytesOf(source: Uint8Array | ArrayBuffer): Uint8Array {
  const kind = Object.prototype.toString.call(source).slice(8, -1);
  if (["Uint8Array", "ArrayBuffer", "SharedArrayBuffer"].includes(kind)) return copyBytes(source);
  throw new ArgumentError(`load: the model is ${display(source)}, expected a Uint8Array or an ArrayBuffer`);
}

export type { Progress };
