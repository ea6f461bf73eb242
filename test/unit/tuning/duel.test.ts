/** Who is faster, by clocks that are made up. */
import { describe, expect, test } from "vitest";
import { duel, median, prepare } from "../../../src/tuning/duel.ts";
import { believed } from "../../../src/tuning/stopwatch.ts";
import type { Encode, Lap, Stopwatch } from "../../../src/tuning/stopwatch.ts";
import { agree } from "../../../src/tuning/trial.ts";

const [holder, challenger]: Encode[] = [() => {}, () => {}];

/** A stopwatch by which each piece of work takes what `time` says, in milliseconds a repetition. */
function clock(time: (encode: Encode, lap: number) => number | Lap, overhead = 0): { stopwatch: Stopwatch; laps: () => number } {
  let laps = 0;
  const lap = async (encode: Encode, repeats: number): Promise<Lap> => {
    const spent = time(encode, laps++);
    return typeof spent === "object" ? spent : { wall: spent * repeats + overhead, gpu: undefined };
  };
  return { stopwatch: { lap } as unknown as Stopwatch, laps: () => laps };
}

const contenders = (repeats = 1) =>
  [
    { encode: holder!, repeats, estimate: 10 },
    { encode: challenger!, repeats, estimate: 10 },
  ] as const;

describe("duel", () => {
  test("the ratio of each round counts, so that a machine that slows down meanwhile does not", async () => {
    const { stopwatch } = clock((encode, lap) => (encode === holder ? 12 : 10) * 2 ** Math.floor(lap / 2));
    expect((await duel(stopwatch, ...contenders(), Infinity)).gain).toBeCloseTo(1.2);
  });

  test("a single interruption does not decide", async () => {
    const { stopwatch } = clock((encode, lap) => (lap === 2 ? 500 : encode === holder ? 10 : 11));
    const outcome = await duel(stopwatch, ...contenders(), Infinity);
    expect(outcome.gain).toBeCloseTo(10 / 11);
    expect(outcome.holder).toBe(10);
    expect(outcome.challenger).toBe(11);
  });

  test("the GPU's clock is taken where every lap has it", async () => {
    const laps = (encode: Encode) => ({ wall: 20, gpu: encode === holder ? 9 : 6 });
    expect(await duel(clock(laps).stopwatch, ...contenders(3), Infinity)).toEqual({ gain: 1.5, holder: 3, challenger: 2 });
    const once = clock((encode, lap) => ({ wall: 20, gpu: lap === 4 ? undefined : encode === holder ? 9 : 6 }));
    expect((await duel(once.stopwatch, ...contenders(), Infinity)).gain).toBe(1);
  });

  test("a hopeless challenger is spared the rounds, and a deadline ends them after three", async () => {
    const { stopwatch, laps } = clock(() => 1);
    const [first, second] = contenders();
    expect((await duel(stopwatch, first, { ...second, estimate: 50 }, Infinity)).gain).toBe(0.2);
    expect(laps()).toBe(0);
    await duel(stopwatch, first, second, -Infinity);
    expect(laps()).toBe(6);
  });
});

describe("prepare", () => {
  test("repeats short work until a pass is long enough, beside an overhead of its own", async () => {
    const { stopwatch, laps } = clock(() => 0.01, 1);
    const { repeats, estimate } = await prepare(stopwatch, holder!);
    expect(repeats * 0.01).toBeGreaterThan(6);
    expect(repeats * 0.01).toBeLessThan(30);
    expect(estimate).toBeLessThan(0.02);
    expect(laps()).toBeLessThan(14);
  });

  test("runs long work twice, and endless repetition is bounded", async () => {
    const slow = clock(() => 100);
    expect((await prepare(slow.stopwatch, holder!)).repeats).toBe(1);
    expect(slow.laps()).toBe(2);
    expect((await prepare(clock(() => 0).stopwatch, holder!)).repeats).toBe(10_000);
  });

  test("an interruption does not make short work look long", async () => {
    const { stopwatch } = clock((_, lap) => (lap === 1 ? 500 : 0.1));
    expect((await prepare(stopwatch, holder!)).estimate).toBe(0.1);
  });
});

test("the GPU's clock is believed where it moved, forwards, and no further than the host's", () => {
  const after = (nanoseconds: bigint) => believed({ begin: 5n, end: 5n + nanoseconds }, 10);
  expect([9_000_000n, 10_500_000n].map(after)).toEqual([9, 10.5]);
  expect([0n, -3n, 12_000_000n].map(after)).toEqual([undefined, undefined, undefined]);
});

test("median", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([])).toBeNaN();
});

describe("agree", () => {
  const expected = [new Float32Array([1, -2, NaN, Infinity])];

  test("within a thousandth of the largest, and where neither has a number", () => {
    expect(agree([new Float32Array([1.001, -2.001, NaN, Infinity])], expected)).toBe(true);
  });

  test.each([
    ["a wrong number", [1.01, -2, NaN, Infinity]],
    ["a number where there is none", [1, -2, 0, Infinity]],
    ["none where there is a number", [NaN, -2, NaN, Infinity]],
    ["the other infinity", [1, -2, NaN, -Infinity]],
  ])("not with %s", (_, found) => {
    expect(agree([new Float32Array(found)], expected)).toBe(false);
  });
});
