/** The device is lost: every call under way rejects with DeviceLostError, once, and recover() lets the same models work again. */
import { describe, expect, test } from "vitest";
import { openGpu } from "../../../src/cli/gpu.ts";
import { createEngine, DeviceLostError } from "../../../src/index.ts";
import type { AdapterChoice, Engine, Model } from "../../../src/index.ts";
import { randomArray } from "../numbers.ts";
import { calls, digits, expectWorks, freshEngine, lenet, numbersOf, thrownBy, turns } from "./support.ts";

const lose = (engine: Engine) => engine.device.destroy();

/** The engine is lost; after recover() it works as before, also the model that was loaded before. */
async function expectRecovers(engine: Engine, model: Model, expected: readonly number[]): Promise<void> {
  const { device } = engine;
  expect(await engine.lost).toBeInstanceOf(DeviceLostError);
  expect((await thrownBy(() => model.forward(digits(1)))).name).toBe("DeviceLostError");
  expect((await thrownBy(() => engine.load(lenet))).name).toBe("DeviceLostError");
  await engine.recover();
  expect(engine.device).not.toBe(device);
  await expectWorks(model, expected);
  await expectWorks(await engine.load(lenet), expected);
}

describe.each(calls)("during %s", (_, call) => {
  test("at three moments, with programs and while they compile", async () => {
    const engine = await freshEngine();
    const model = await engine.load(lenet);
    const expected = await numbersOf(model.forward(digits(1, 5)));
    const right = JSON.stringify(await call(model), (key, value: unknown) => (/seconds/i.test(key) ? 0 : value));
    for (const delay of [-1, 0, 3]) {
      const used = delay === 0 ? await engine.load(lenet) : model;
      const pending = [call(used), call(used)].map((each) =>
        each.then(
          () => "finished",
          (error: Error) => error.name,
        ),
      );
      if (delay >= 0) await new Promise((resolve) => setTimeout(resolve, delay));
      lose(engine);
      for (const outcome of await Promise.all(pending))
        expect(outcome).toMatch(delay < 0 ? /^DeviceLostError$/ : /^(finished|DeviceLostError)$/);
      await expectRecovers(engine, model, expected);
      expect(JSON.stringify(await call(used), (key, value: unknown) => (/seconds/i.test(key) ? 0 : value))).toBe(right);
    }
    engine.dispose();
    expect(engine.memory().bytes).toBe(0);
  });
});

test("during load, and between load and the first call", async () => {
  const engine = await freshEngine();
  const model = await engine.load(lenet);
  const expected = await numbersOf(model.forward(digits(1, 5)));
  const loading = engine.load(lenet).then(
    () => "loaded",
    (error: Error) => error.name,
  );
  lose(engine);
  expect(await loading).toMatch(/^(loaded|DeviceLostError)$/);
  await expectRecovers(engine, model, expected);
  const fresh = await engine.load(lenet);
  lose(engine);
  await engine.lost;
  await engine.recover();
  await expectWorks(fresh, expected);
  engine.dispose();
});

test("during read-back; tensors of before stay lost, and are refused by name", async () => {
  const engine = await freshEngine();
  const model = await engine.load(lenet);
  const expected = await numbersOf(model.forward(digits(1, 5)));
  const tensors = await Promise.all([1, 2, 3].map((seed) => model.vjp(digits(1, seed), randomArray([1, 10], seed))));
  const reads = tensors.map((tensor) => thrownBy(() => tensor.read()));
  lose(engine);
  for (const error of await Promise.all(reads)) expect(error.name).toBe("DeviceLostError");
  await expectRecovers(engine, model, expected);
  for (const use of [() => tensors[0]!.read(), () => model.forward(tensors[0]!), () => model.jacobian(tensors[1]!, { rows: [1] })])
    expect((await thrownBy(use)).name).toMatch(/^(DeviceLostError|ArgumentError)$/);
  tensors.forEach((tensor) => tensor.dispose());
  await expectWorks(model, expected);
  engine.dispose();
});

test("recover() without a loss, twice at once, after dispose, and losses one after another", async () => {
  const engine = await freshEngine();
  const model = await engine.load(lenet);
  const expected = await numbersOf(model.forward(digits(1, 5)));
  const { device } = engine;
  await engine.recover();
  expect(engine.device).toBe(device);
  for (let i = 0; i < 3; i++) {
    const { lost } = engine;
    lose(engine);
    await lost;
    await Promise.all([engine.recover(), engine.recover()]);
    await expectWorks(model, expected);
  }
  // Straight after destroy(), before the news of it.
  lose(engine);
  await engine.recover();
  await expectWorks(model, expected);
  model.dispose();
  lose(engine);
  await engine.lost;
  await engine.recover();
  expect((await thrownBy(() => model.forward(digits(1)))).name).toBe("DisposedError");
  engine.dispose();
  expect((await thrownBy(() => engine.recover())).name).toBe("DisposedError");
});

test("dispose() after a loss, and while it recovers", async () => {
  const engine = await freshEngine();
  const model = await engine.load(lenet);
  await expectWorks(model);
  lose(engine);
  const recovering = engine.recover().then(
    () => "recovered",
    (error: Error) => error.name,
  );
  engine.dispose();
  expect(await recovering).toMatch(/^(recovered|DisposedError)$/);
  expect((await thrownBy(() => model.forward(digits(1)))).name).toBe("DisposedError");
  expect(engine.memory().bytes).toBe(0);
});

test("a device of the app's: recover() asks for another", async () => {
  const { gpu } = await openGpu({ adapter: process.env["NUDGE_ADAPTER"] as AdapterChoice | undefined });
  const open = async () => (await gpu.requestAdapter())!.requestDevice();
  const device = await open();
  const engine = await createEngine({ device });
  const model = await engine.load(lenet);
  const expected = await numbersOf(model.forward(digits(1, 5)));
  device.destroy();
  await engine.lost;
  expect((await thrownBy(() => engine.recover())).message).toMatch(/recover\(\{ device \}\)/);
  const next = await open();
  await engine.recover({ device: next });
  expect(engine.device).toBe(next);
  await expectWorks(model, expected);
  engine.dispose();
  next.destroy();
  await turns();
});
