/** An abort is heard within the next submission, rejects with the signal's reason, and frees what the call held. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { deepfool } from "../../../src/index.ts";
import type { Engine, Model } from "../../../src/index.ts";
import { calls, digits, expectWorks, freshEngine, lenet, thrownBy, turns } from "./support.ts";

let engine: Engine;
let model: Model;

beforeAll(async () => {
  engine = await freshEngine();
  model = await engine.load(lenet);
});

afterAll(() => engine.dispose());

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(calls)("%s", (_, call) => {
  test("aborted before: nothing is submitted", async () => {
    await call(model);
    const submit = vi.spyOn(engine.device.queue, "submit");
    const reason = new Error("enough");
    expect(await thrownBy(() => call(model, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(submit).not.toHaveBeenCalled();
  });

  test("aborted at each of its submissions: at most two more follow, and memory returns", async () => {
    await call(model);
    await turns();
    const before = engine.memory();
    const { queue } = engine.device;
    const submit = queue.submit.bind(queue);
    let total = 0;
    const count = vi.spyOn(queue, "submit").mockImplementation((buffers) => {
      total += Number([...buffers].length > 0);
      submit(buffers);
    });
    await call(model);
    const whole = total;
    for (const at of new Set([1, 2, 3, Math.ceil(whole / 2), whole])) {
      const stop = new AbortController();
      total = 0;
      let atStop = 0;
      count.mockImplementation((buffers) => {
        total += Number([...buffers].length > 0);
        submit(buffers);
        if (total === at && !stop.signal.aborted) {
          // As an app would: not from within the library's call, but as soon as anything else may run.
          queueMicrotask(() => {
            stop.abort();
            atStop = total;
          });
        }
      });
      const outcome = await call(model, { signal: stop.signal }).then(
        () => "finished",
        (error: Error) => error.name,
      );
      if (outcome !== "AbortError") expect(whole - atStop, `aborted at ${at} of ${whole}`).toBeLessThanOrEqual(2);
      expect(total - atStop, `aborted at ${at} of ${whole}`).toBeLessThanOrEqual(2);
    }
    await turns();
    expect(engine.memory()).toMatchObject({ buffers: before.buffers, bytes: before.bytes });
    await expectWorks(model);
  });

  test("aborted while the model compiles", async () => {
    using cold = await engine.load(lenet);
    const stop = new AbortController();
    const pending = thrownBy(() => call(cold, { signal: stop.signal }));
    stop.abort();
    expect((await pending).name).toBe("AbortError");
    await expectWorks(cold);
  });
});

test("a call that waits for another is heard while it waits, and those behind it get their turn", async () => {
  const order: string[] = [];
  const note = (name: string) => () => void order.push(name);
  const stop = new AbortController();
  const first = deepfool(model, digits(50)).then(note("first"));
  const second = thrownBy(() => deepfool(model, digits(3), { signal: stop.signal })).then((error) => order.push(error.name));
  const third = deepfool(model, digits(3)).then(note("third"));
  stop.abort();
  await Promise.all([first, second, third]);
  expect(order).toEqual(["AbortError", "first", "third"]);
});

test("30 aborted Jacobians leave memory as it was", async () => {
  const run = async () => {
    const stop = new AbortController();
    const pending = thrownBy(() => model.jacobian(digits(64), { rows: "all", signal: stop.signal }));
    setTimeout(() => stop.abort(), 2);
    expect((await pending).name).toBe("AbortError");
  };
  for (let i = 0; i < 3; i++) await run();
  await turns();
  const before = engine.memory();
  for (let i = 0; i < 30; i++) await run();
  await turns();
  expect(engine.memory()).toMatchObject({ buffers: before.buffers, bytes: before.bytes });
});

test("a signal keeps no listeners once a call is done", async () => {
  const { signal } = new AbortController();
  const [add, remove] = [vi.spyOn(signal, "addEventListener"), vi.spyOn(signal, "removeEventListener")];
  for (const [, call] of calls) await call(model, { signal });
  expect(remove.mock.calls.length).toBe(add.mock.calls.length);
});
