/** An error belongs to the call that caused it, and sizes are checked before anything is created. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openGpu } from "../../../src/cli/gpu.ts";
import { createEngine, deepfool, evaluate, LimitError, universalPerturbation } from "../../../src/index.ts";
import type { AdapterChoice, Engine, Model, NdArray } from "../../../src/index.ts";
import { randomArray } from "../numbers.ts";
import { digits, expectWorks, freshEngine, lenet, numbersOf, thrownBy, turns } from "./support.ts";

let engine: Engine;
let model: Model;
let expected: number[];

beforeAll(async () => {
  engine = await freshEngine();
  model = await engine.load(lenet);
  expected = await numbersOf(model.forward(digits(1, 5)));
});

afterAll(() => engine.dispose());

const cotangent = randomArray([1, 10], 2);

describe("one failed call", () => {
  /** A tensor whose memory the app has destroyed, so that the device refuses what reads it. */
  async function broken(samples: number) {
    const tensor = await model.vjp(digits(samples), randomArray([samples, 10], 3));
    tensor.buffer.destroy();
    return tensor;
  }

  test.each<[string, (given: Awaited<ReturnType<typeof broken>>) => Promise<unknown>]>([
    ["forward", (t) => numbersOf(model.forward(t))],
    ["vjp", (t) => numbersOf(model.vjp(t, cotangent))],
    ["jvp", (t) => numbersOf(model.jvp(digits(1), t))],
    ["jacobian", (t) => numbersOf(model.jacobian(t, { rows: "all" }))],
    ["jacobian of largest outputs", (t) => numbersOf(model.jacobian(t, { rows: "top3" }))],
    ["read", (t) => t.read()],
  ])("%s fails alone, and calls beside it do not", async (_, call) => {
    const tensor = await broken(1);
    const before = expectWorks(model, expected);
    const failed = thrownBy(() => call(tensor));
    const after = expectWorks(model, expected);
    expect((await failed).name).toBe("GpuError");
    await Promise.all([before, after]);
    await expectWorks(model, expected);
    await expectWorks(await engine.load(lenet), expected);
  });

  test("what is made from a failed result fails, and names the first cause", async () => {
    const result = await model.forward(await broken(1));
    const next = await thrownBy(() => numbersOf(model.vjp(digits(1), result)));
    expect(next.name).toBe("GpuError");
    expect((await thrownBy(() => result.read())).message).toBe(next.message);
  });

  test("a callback that throws ends its call and nothing else", async () => {
    const boom = () => {
      throw new Error("boom");
    };
    for (const call of [
      () => model.forward(digits(100), { onProgress: boom }),
      () => model.jacobian(digits(3), { rows: "all", onProgress: boom }),
      () => deepfool(model, digits(3), { onProgress: boom }),
      () => universalPerturbation(model, digits(3), { radius: 0.2, onProgress: boom }),
      () => evaluate(model, digits(3), randomArray([1, 28, 28], 1), { onProgress: boom }),
      async () => (await engine.load(lenet)).forward(digits(1), { onProgress: boom }),
    ]) {
      await call().catch((error: Error) => expect(error.message).toBe("boom"));
      await expectWorks(model, expected);
    }
  });
});

describe("errors of others on a device of the app's", () => {
  let gpu: GPU;
  let device: GPUDevice;
  let ours: Engine;
  let theirModel: Model;

  beforeAll(async () => {
    ({ gpu } = await openGpu({ adapter: process.env["NUDGE_ADAPTER"] as AdapterChoice | undefined }));
    device = await (await gpu.requestAdapter())!.requestDevice();
    ours = await createEngine({ device });
    theirModel = await ours.load(lenet);
    await expectWorks(theirModel);
  });

  const mistake = () => device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });

  test("are not ours, before, between and after our calls", async () => {
    const heard: string[] = [];
    const hear = (event: Event) => {
      event.preventDefault();
      heard.push((event as GPUUncapturedErrorEvent).error.message);
    };
    device.addEventListener("uncapturederror", hear);
    mistake();
    const pending = expectWorks(theirModel);
    mistake();
    await pending;
    await deepfool(theirModel, digits(3), { onProgress: () => void mistake() });
    await turns();
    device.removeEventListener("uncapturederror", hear);
    // Theirs arrive where they are awaited, and none is swallowed by a scope of ours.
    expect(heard.length).toBeGreaterThanOrEqual(3);
  });

  test("their error scopes around our calls hold their errors only", async () => {
    device.pushErrorScope("validation");
    const pending = expectWorks(theirModel);
    mistake();
    await pending;
    expect(await device.popErrorScope()).not.toBeNull();
    device.pushErrorScope("validation");
    await expectWorks(theirModel);
    const tensor = await theirModel.forward(digits(1));
    tensor.buffer.destroy();
    expect((await thrownBy(() => tensor.read())).name).toBe("GpuError");
    expect(await device.popErrorScope()).toBeNull();
  });

  test("dispose() leaves the device to the app", async () => {
    ours.dispose();
    expect((await thrownBy(() => theirModel.forward(digits(1)))).name).toBe("DisposedError");
    device.pushErrorScope("validation");
    device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE }).destroy();
    expect(await device.popErrorScope()).toBeNull();
    device.destroy();
  });
});

describe("sizes", () => {
  /** The engine on a device that says it allows little; nothing larger may be asked of it. */
  function limited(most: number): Disposable {
    const own = Object.getOwnPropertyDescriptor(engine.device, "limits");
    const { limits } = engine.device;
    const small = new Proxy(limits, {
      get: (of, name) => (name === "maxBufferSize" ? most : (Reflect.get(of, name, of) as unknown)),
    });
    Object.defineProperty(engine.device, "limits", { value: small, configurable: true });
    return {
      [Symbol.dispose]: () => {
        delete (engine.device as { limits?: unknown }).limits;
        if (own) Object.defineProperty(engine.device, "limits", own);
      },
    };
  }

  const many: NdArray = digits(3000);

  test.each<[string, () => Promise<unknown>]>([
    ["forward", () => model.vjp(many, randomArray([3000, 10], 1))],
    ["jvp", async () => model.jvp(many, many).then(() => model.jacobian(many, { rows: [0] }))],
    ["jacobian", () => model.jacobian(many, { rows: "all" })],
  ])("%s names what it needs and what is allowed", async (_, call) => {
    await expectWorks(model, expected);
    const before = engine.memory();
    using _small = limited(2 ** 22);
    const error = await thrownBy(call);
    expect(error).toBeInstanceOf(LimitError);
    const { limit, needed, available } = error as LimitError;
    expect({ limit, available }).toEqual({ limit: "maxBufferSize", available: 2 ** 22 });
    expect(needed).toBeGreaterThan(2 ** 22);
    expect(engine.memory().bytes).toBeLessThan(before.bytes + 2 ** 24);
    await expectWorks(model, expected);
  });

  test("a model whose weights do not fit", async () => {
    using cold = await engine.load(lenet);
    const before = engine.memory();
    {
      using _small = limited(2 ** 12);
      const error = await thrownBy(() => cold.forward(digits(1)));
      expect(error).toBeInstanceOf(LimitError);
    }
    expect(engine.memory()).toMatchObject({ buffers: before.buffers, bytes: before.bytes });
    await expectWorks(cold, expected);
  });

  test("no memory on the device: the call fails, and gives back what it held", async () => {
    const before = engine.memory();
    using cold = await engine.load(lenet);
    const { device } = engine;
    const create = device.createBuffer.bind(device);
    let made = 0;
    device.createBuffer = (descriptor) => {
      if (++made > 3) throw new RangeError("createBuffer failed, size is too large for the implementation");
      return create(descriptor);
    };
    try {
      expect((await thrownBy(() => cold.forward(digits(1)))).name).toBe("GpuError");
    } finally {
      device.createBuffer = create;
    }
    expect(made).toBeGreaterThan(3);
    await expectWorks(cold, expected);
    cold.dispose();
    await turns();
    expect(engine.memory().bytes).toBe(before.bytes);
  });
});
