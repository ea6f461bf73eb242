/** No ratio where answers differ, and the right target where there is one. */
import { describe, expect, test } from "vitest";
import { difference, inFewWords, judge, type Cell, type Cells } from "../../../bench/compare.ts";
import { rows } from "../../../bench/rows.ts";

const rowNamed = (id: string) => rows.find((row) => row.id === id)!;
const forward = rowNamed("forward-1");
const deepfool = rowNamed("deepfool-1");

const took = (median: number): Cell => ({
  status: "measured",
  error: 0,
  pipelines: 1,
  compilingMs: 0,
  n: 20,
  median,
  low: median,
  high: median,
});
const unequal: Cell = { status: "unequal", error: 0.3, why: "differs by 3.0e-1" };
const cannot: Cell = { status: "cannot", why: "no BatchNormalization" };
const givenUp = (atLeast: number, counts = true): Cell => ({ status: "slow", atLeast, counts });
const cells = (nudge: Cell, others: Cells): Cells => ({ nudge, ...others });

describe("judge", () => {
  test("takes the fastest peer", () => {
    expect(judge(forward, cells(took(10), { jax: took(40), tfjs: took(30) }))).toEqual({ ratio: 3, best: "tfjs", target: 2.5, met: true });
  });

  test("says where a target is missed", () => {
    expect(judge(forward, cells(took(10), { jax: took(12) })).met).toBe(false);
  });

  test("asks for more where only onnxruntime-web runs the network", () => {
    expect(judge(forward, cells(took(10), { "ort-jsep": took(70), jax: cannot }))).toMatchObject({ target: 8, met: false });
    expect(judge(forward, cells(took(10), { "ort-jsep": took(70), jax: took(90) }))).toMatchObject({ target: 2.5, met: true });
  });

  test("refuses a ratio where the answers differ", () => {
    const verdict = judge(forward, cells(took(10), { jax: unequal, tfjs: unequal }));
    expect(verdict).toEqual({ target: 2.5, why: "answers differ" });
  });

  test("leaves a peer that answers otherwise out of the ratio", () => {
    expect(judge(forward, cells(took(10), { jax: unequal, tfjs: took(30) }))).toMatchObject({ ratio: 3, best: "tfjs" });
  });

  test("knows a bound where peers were given up, but not beside a peer that answers otherwise", () => {
    expect(judge(deepfool, cells(took(100), { jax: givenUp(5000), tfjs: givenUp(9000) }))).toEqual({
      ratio: 50,
      atLeast: true,
      best: "jax",
      target: 8,
      met: true,
    });
    expect(judge(deepfool, cells(took(100), { jax: givenUp(500) })).met).toBeUndefined();
    expect(judge(deepfool, cells(took(100), { jax: givenUp(5000), tfjs: unequal }))).toEqual({ target: 8, why: "answers differ" });
  });

  test("takes no bound from a call that may have been compiling", () => {
    const verdict = judge(deepfool, cells(took(100), { jax: givenUp(5000, false), tfjs: givenUp(9000) }));
    expect(verdict).toEqual({ target: 8, why: "no peer was warm in time" });
  });

  test("misses nothing where no peer can, and everything where Nudge cannot", () => {
    expect(judge(forward, cells(took(10), { jax: cannot })).met).toBeUndefined();
    expect(judge(forward, cells(cannot, { jax: took(10) }))).toMatchObject({ met: false, why: "Nudge cannot" });
  });
});

describe("difference", () => {
  const numbers = (...list: number[]) => Float32Array.from(list);

  test("is the relative l2 distance, and too much beyond the bound", () => {
    expect(difference(forward, numbers(3, 4), numbers(3, 4))).toEqual({ error: 0 });
    const { error, why } = difference(forward, numbers(3, 4.5), numbers(3, 4));
    expect(error).toBeCloseTo(0.1, 6);
    expect(why).toBe("differs by 1.0e-1");
  });

  test("is without bound for other lengths and for what is not a number", () => {
    expect(difference(forward, numbers(1), numbers(1, 2)).error).toBe(Infinity);
    expect(difference(forward, numbers(NaN), numbers(1)).why).toBeDefined();
    expect(difference(deepfool, numbers(1, 2), numbers(1, 2, 3)).why).toBeDefined();
  });

  test("of DeepFool is that of the norms, where the labels are the same", () => {
    const reference = numbers(3, 4, 5, 6, 1, 2);
    expect(difference(deepfool, numbers(3, 4, 5, 6, 1, 2.001), reference).why).toBeUndefined();
    expect(difference(deepfool, numbers(3, 4, 5, 6, 1, 2.2), reference).why).toMatch(/^norms differ/);
    expect(difference(deepfool, numbers(3, 4, 5, 7, 1, 2), reference).why).toBe("other labels for 1 of 2 images");
  });
});

test("errors in few words", () => {
  expect(inFewWords("Error: Unsupported ONNX operation: GlobalAveragePool\n    at f")).toBe("no GlobalAveragePool");
  expect(inFewWords("TypeError: x is not a function")).toBe("x is not a function");
  expect(inFewWords("a".repeat(100))).toHaveLength(61);
});
