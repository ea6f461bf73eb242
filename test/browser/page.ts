/**
 * The page under test: it imports the built library as a web app would and runs the scenario that its address names, on its
 * own and not by order of the debugger, whose code the content security policy does not bind.
 */
import * as nudge from "../../src/index.ts";
import { localTuningCache, tune } from "../../src/tune.ts";
import { attacks, derivatives, images, universal, type Inputs } from "./computation.ts";
import { crash, losses } from "./losses.ts";

const { createEngine, DisposedError } = nudge;

async function fetchBytes(path: string): Promise<Uint8Array> {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function fetchInputs(): Promise<Inputs> {
  const [model, digits] = await Promise.all([fetchBytes("/models/lenet.onnx"), fetchBytes("/models/mnist-digits.bin")]);
  return { model, digits };
}

async function withEngine<T>(use: (engine: nudge.Engine, inputs: Inputs) => Promise<T>): Promise<T> {
  const engine = await createEngine();
  try {
    return await use(engine, await fetchInputs());
  } finally {
    engine.dispose();
  }
}

async function openDevice(): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error("no adapter");
  return adapter.requestDevice();
}

/** The name of the error that a call ends with. */
async function errorOf(call: () => unknown): Promise<string> {
  try {
    await call();
    return "none";
  } catch (error) {
    return error instanceof DisposedError ? "DisposedError" : String(error);
  }
}

/** Whether a device still copies four bytes. */
async function works(device: GPUDevice): Promise<boolean> {
  const source = device.createBuffer({ size: 4, usage: GPUBufferUsage.COPY_SRC, mappedAtCreation: true });
  new Uint32Array(source.getMappedRange()).set([42]);
  source.unmap();
  const target = device.createBuffer({ size: 4, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(source, 0, target, 0, 4);
  device.queue.submit([encoder.finish()]);
  await target.mapAsync(GPUMapMode.READ);
  return new Uint32Array(target.getMappedRange())[0] === 42;
}

/** Whether this page has fetched the ops that few networks need. */
const hasRareOps = () => performance.getEntriesByType("resource").some(({ name }) => name.endsWith("/rare-ops.js"));

/** What a network of three numbers makes of them, and whether loading it fetched the rest of the ops, and LeNet before it did. */
function loadingRare(path: string) {
  return withEngine(async (engine, inputs) => {
    await engine.load(inputs.model);
    const before = hasRareOps();
    const model = await engine.load(await fetchBytes(path));
    const { data } = await (await model.forward({ shape: [1, 3], data: Float32Array.of(-1, 0, 0.5) })).read();
    return { before, after: hasRareOps(), values: [...data] };
  });
}

const scenarios = {
  rareOp: () => loadingRare("/models/erf.onnx"),
  rareForm: () => loadingRare("/models/reflect.onnx"),

  /** That the policy this page is served with does forbid code from strings. */
  policy: async () => {
    try {
      // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- the policy has to stop this
      return new Function("return 'allowed'")() as string;
    } catch (error) {
      return (error as Error).name;
    }
  },

  adapter: () => withEngine(async ({ adapter }) => adapter),

  derivatives: () => withEngine(derivatives),

  deepfool: () => withEngine((engine, inputs) => attacks(nudge, engine, inputs)),

  universal: () => withEngine((engine, inputs) => universal(nudge, engine, inputs)),

  /** One visit that tunes and keeps what it found, and the next, which finds it. */
  tuning: () =>
    withEngine(async (engine, inputs) => {
      const cache = localTuningCache();
      const x = images(inputs, 0, 2);
      const model = await engine.load(inputs.model);
      const before = cache.read("lenet", engine.adapter);
      const kept = cache.write("lenet", await tune(model, { samples: [2], derivatives: false, budgetMs: 5000 }));
      const tuned = await engine.load(inputs.model, { tuning: cache.read("lenet", engine.adapter) });
      const logits = [...(await (await model.forward(x)).read()).data];
      const tunedLogits = [...(await (await tuned.forward(x)).read()).data];
      return { foundBefore: before !== undefined, kept, status: tuned.tuning, logits, tunedLogits };
    }),

  injectedDevice: async () => {
    const inputs = await fetchInputs();
    const device = await openDevice();
    const engine = await createEngine({ device });
    const model = await engine.load(inputs.model);
    const logits = await (await model.forward(images(inputs, 0, 1))).read();
    const during = engine.memory();
    engine.dispose();
    return { same: engine.device === device, logits: [...logits.data], during, after: engine.memory(), worksAfter: await works(device) };
  },

  ownedDevice: async () => {
    const inputs = await fetchInputs();
    const engine = await createEngine();
    const { device, lost } = engine;
    const model = await engine.load(inputs.model);
    await (await model.forward(images(inputs, 0, 1))).read();
    const during = engine.memory();
    engine.dispose();
    engine.dispose();
    return { during, after: engine.memory(), reason: (await device.lost).reason, lost: (await lost).name };
  },

  losses: async () => losses(nudge, await fetchInputs()),

  /** The test kills the GPU's process once the title says so. */
  crash: async () => crash(nudge, await fetchInputs(), () => (document.title = "ready")),

  afterDispose: async () => {
    const inputs = await fetchInputs();
    const engine = await createEngine();
    const [first, second] = [await engine.load(inputs.model), await engine.load(inputs.model)];
    const x = images(inputs, 0, 1);
    const [kept, dropped] = [await first.forward(x), await first.forward(x)];
    dropped.dispose();
    second.dispose();
    const errors = { tensor: await errorOf(() => dropped.read()), model: await errorOf(() => second.forward(x)) };
    engine.dispose();
    return {
      ...errors,
      tensorOfEngine: await errorOf(() => kept.read()),
      modelOfEngine: await errorOf(() => first.jacobian(x, { rows: "all" })),
      engine: await errorOf(() => engine.load(inputs.model)),
    };
  },
};

export type Scenarios = typeof scenarios;

export interface Outcome<T> {
  readonly result: T;
  /** Breaches of the content security policy, in words. */
  readonly violations: readonly string[];
}

declare global {
  interface Window {
    /** What the scenario came to. */
    outcome: Promise<Outcome<unknown>>;
  }
}

const violations: string[] = [];
document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) =>
  violations.push(`${effectiveDirective}: ${blockedURI}`),
);

const scenario = new URLSearchParams(location.search).get("scenario") as keyof Scenarios;
window.outcome = scenarios[scenario]().then((result) => ({ result, violations }));
