/** Property tests: random cases of a family of ops, forward, vjp and jvp against double precision. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { OpCase } from "../ops/cases/build.ts";
import { checkCase } from "../ops/check-case.ts";
import { software } from "../ops/variant.ts";

/** Cases of each family; NUDGE_RANDOM_RUNS asks for more of them. */
const RUNS = Number(process.env["NUDGE_RANDOM_RUNS"] ?? 10);
/** The same cases everywhere; NUDGE_RANDOM_SEED asks for others. */
const SEED = Number(process.env["NUDGE_RANDOM_SEED"] ?? 20_260_202);
/** A slow machine checks fewer cases, but at least one. */
const TIME_LIMIT_MS = 30_000;

/**
 * Declares the test that every case of a family passes all checks of checkCase. fast-check shrinks a failure and prints the
 * case, its seed and the path to it.
 */
export function property(name: string, cases: fc.Arbitrary<OpCase>): void {
  test(name, async () => {
    let checked = 0;
    await fc.assert(
      fc.asyncProperty(cases, async (given) => {
        checked++;
        await checkCase(given, [software]);
      }),
      { seed: SEED, numRuns: RUNS, interruptAfterTimeLimit: TIME_LIMIT_MS },
    );
    expect(checked).toBeGreaterThan(0);
  });
}

export const int = (min: number, max: number) => fc.integer({ min, max });

/** A list of one number for every axis of a window. */
export const perAxis = (rank: number, number: fc.Arbitrary<number>) => fc.array(number, { minLength: rank, maxLength: rank });

/** Some of the numbers from `from` to `to` − 1, at least `atLeast`, each once, in any order. */
export const someOf = (from: number, to: number, atLeast: number) =>
  fc.shuffledSubarray(
    Array.from({ length: to - from }, (_, i) => from + i),
    { minLength: atLeast },
  );
