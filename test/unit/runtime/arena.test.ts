/** The arena: where intermediate values lie. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { align, ALIGNMENT, planArena } from "../../../src/runtime/plan/arena.ts";
import type { Interval } from "../../../src/runtime/plan/arena.ts";

const interval = (id: number, bytes: number, start: number, end: number, conflicts: readonly number[] = []): Interval => ({
  id,
  bytes,
  start,
  end,
  conflicts: new Set(conflicts),
});

/** Values with random lifetimes; a value that starts where another is alive may conflict with it, both ways. */
const intervals = fc
  .array(
    fc.record({
      bytes: fc.integer({ min: 1, max: 5000 }),
      start: fc.nat({ max: 20 }),
      length: fc.nat({ max: 8 }),
      partner: fc.option(fc.nat({ max: 30 })),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((list) => {
    const conflicts = list.map(() => new Set<number>());
    list.forEach(({ partner }, id) => {
      if (partner === null || partner >= list.length || partner === id) return;
      conflicts[id]!.add(partner);
      conflicts[partner]!.add(id);
    });
    return list.map(({ bytes, start, length }, id) => interval(id, bytes, start, start + length, [...conflicts[id]!]));
  });

const alive = (a: Interval, b: Interval) => a.start <= b.end && b.start <= a.end;

describe("any plan", () => {
  const check = (property: (list: readonly Interval[], plan: ReturnType<typeof planArena>) => boolean) =>
    fc.assert(
      fc.property(intervals, (list) => property(list, planArena(list))),
      { seed: 1, numRuns: 300 },
    );

  test("keeps values that live at the same time apart", () =>
    check((list, { placements }) =>
      list.every((a) =>
        list.every((b) => {
          if (a.id >= b.id || !alive(a, b)) return true;
          const [p, q] = [placements.get(a.id)!, placements.get(b.id)!];
          return p.buffer !== q.buffer || p.offset + a.bytes <= q.offset || q.offset + b.bytes <= p.offset;
        }),
      ),
    ));

  test("puts values that a launch reads and writes into different buffers", () =>
    check((list, { placements }) =>
      list.every((a) => [...a.conflicts].every((b) => placements.get(a.id)!.buffer !== placements.get(b)!.buffer)),
    ));

  test("aligns offsets and stays inside its buffers", () =>
    check((list, { placements, buffers }) =>
      list.every(({ id, bytes }) => {
        const { buffer, offset } = placements.get(id)!;
        return offset % ALIGNMENT === 0 && offset + bytes <= buffers[buffer]!;
      }),
    ));

  test("needs at least the lower bound and at most everything side by side", () =>
    check((list, { buffers, lowerBound }) => {
      const total = buffers.reduce((a, b) => a + b, 0);
      return total >= lowerBound && total <= list.reduce((sum, { bytes }) => sum + align(bytes), 0);
    }));

  test("respects the largest buffer, but for values larger than it", () => {
    fc.assert(
      fc.property(intervals, (list) => {
        const limit = 8192;
        return planArena(list, limit).buffers.every((bytes) => bytes <= limit);
      }),
      { seed: 1 },
    );
  });
});

describe("known plans", () => {
  test("a chain of equal values needs two buffers of one value", () => {
    const chain = Array.from({ length: 10 }, (_, i) =>
      interval(
        i,
        1024,
        i,
        i + 1,
        [i - 1, i + 1].filter((other) => other >= 0 && other < 10),
      ),
    );
    const { buffers, lowerBound } = planArena(chain);
    expect(buffers).toEqual([1024, 1024]);
    expect(lowerBound).toBe(2048);
  });

  test("a small value fills the gap that a large one leaves", () => {
    const { buffers, placements } = planArena([interval(0, 4096, 0, 1), interval(1, 1024, 2, 3), interval(2, 1024, 2, 3)]);
    expect(buffers).toEqual([4096]);
    expect(placements.get(1)!.offset).not.toBe(placements.get(2)!.offset);
  });

  test("nothing to place", () => {
    expect(planArena([])).toEqual({ placements: new Map(), buffers: [], lowerBound: 0 });
  });
});
