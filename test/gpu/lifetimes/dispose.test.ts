/** dispose() while work runs marks: calls under way finish or reject with DisposedError, and then memory goes. */
import { describe, expect, test } from "vitest";
import type { Engine } from "../../../src/index.ts";
import { calls, digits, expectWorks, freshEngine, lenet, turns } from "./support.ts";

/** The call's end: numbers, or the error's name. */
const ended = (call: Promise<unknown>) =>
  call.then(
    () => "finished",
    (error: Error) => error.name,
  );

describe.each(calls)("%s", (_, call) => {
  test("the model is disposed of at once and at three later moments", async () => {
    const engine = await freshEngine();
    const other = await engine.load(lenet);
    await expectWorks(other);
    const idle = engine.memory().bytes;
    for (const delay of [-1, 0, 3, 12]) {
      const model = await engine.load(lenet);
      if (delay >= 3) await call(model);
      const pending = ended(call(model));
      if (delay >= 0) await new Promise((resolve) => setTimeout(resolve, delay));
      model.dispose();
      model.dispose();
      expect(await pending).toMatch(/^(finished|DisposedError)$/);
      expect(await ended(call(model))).toBe("DisposedError");
      await expectWorks(other);
      await turns();
      expect(engine.memory().bytes).toBe(idle);
    }
    engine.dispose();
  });

  test("the engine is disposed of", async () => {
    for (const delay of [-1, 2]) {
      const engine: Engine = await freshEngine();
      const model = await engine.load(lenet);
      if (delay > 0) await call(model);
      const pending = ended(call(model));
      if (delay >= 0) await new Promise((resolve) => setTimeout(resolve, delay));
      engine.dispose();
      engine.dispose();
      expect(await pending).toMatch(/^(finished|DisposedError)$/);
      expect(await ended(engine.load(lenet))).toBe("DisposedError");
      expect(await ended(call(model))).toBe("DisposedError");
      expect(engine.memory().bytes).toBe(0);
    }
  });
});

test("an engine disposed of during load", async () => {
  const engine = await freshEngine();
  const loading = ended(engine.load(lenet));
  engine.dispose();
  expect(await loading).toBe("DisposedError");
});

test("tensors: dispose() twice, after the model's, and while they are read", async () => {
  const engine = await freshEngine();
  const model = await engine.load(lenet);
  const [a, b] = [await model.forward(digits(1)), await model.forward(digits(1))];
  const reading = a.read();
  a.dispose();
  a.dispose();
  expect((await reading).data).toHaveLength(10);
  model.dispose();
  expect((await b.read()).data).toHaveLength(10);
  b.dispose();
  engine.dispose();
  b.dispose();
  expect(engine.memory().bytes).toBe(0);
});
