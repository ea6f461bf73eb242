/** 2,000 damaged files, the same ones every time; `npm run fuzz` makes others, and watches from outside for hangs and crashes. */
import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../src/index.ts";
import { judge, makeCase, shares } from "../fuzz/cases.ts";
import { targets } from "../fuzz/targets.ts";

const SEED = 1;
const counts = shares(targets, 2000);

describe.each(targets.map((target, i) => [target.name, target, counts[i]!] as const))("%s", (_, target, count) => {
  test(`${count} cases end in a result or in an error of the library's, within two seconds`, async () => {
    const samples = await target.samples();
    const faults: string[] = [];
    const kinds = new Map<string, number>();
    for (let index = 0; index < count; index++) {
      const ending = await judge(target.run, makeCase(target, samples, SEED, index));
      kinds.set(ending.kind, (kinds.get(ending.kind) ?? 0) + 1);
      if (ending.kind === "fault") faults.push(`case ${index}: ${ending.why}`);
    }
    expect(faults).toEqual([]);
    // Cases that cannot be written as files would be no test.
    expect(kinds.get("empty") ?? 0).toBeLessThan(count / 4);
  }, 120_000);

  test("its samples are read as they are, and a case is the same again", async () => {
    const samples = await target.samples();
    for (const sample of samples) {
      const ending = await judge(target.run, Uint8Array.from(sample));
      expect(ending.kind, JSON.stringify(ending)).not.toBe("fault");
    }
    // As strings: an assertion on arrays of megabytes takes minutes.
    const made = (seed: number, index: number) => Buffer.from(makeCase(target, samples, seed, index) ?? []).toString("latin1");
    for (const index of [0, 7]) expect(made(SEED, index) === made(SEED, index)).toBe(true);
    expect(made(SEED, 0) === made(SEED + 1, 0)).toBe(false);
  });
});

describe("a reader with a fault is found", () => {
  const bytes = new Uint8Array(10);
  const ending = (run: (given: Uint8Array) => unknown) => judge(run, bytes);

  test("an error that is none of the library's", async () => {
    const untyped = await ending(() => (undefined as unknown as { length: number }).length);
    expect(untyped).toMatchObject({ kind: "fault", why: expect.stringMatching(/^untyped error: TypeError/) as string });
    expect(await ending(() => Promise.reject(new RangeError("no")))).toMatchObject({ kind: "fault" });
  });
  test("one that takes too long, whether it succeeds or not", async () => {
    let time = 0;
    const slow = (run: () => void) => judge(run, bytes, () => (time += 1500));
    expect((await slow(() => undefined)).kind).toBe("accepted");
    time = 0;
    const slower = (run: () => void) => judge(run, bytes, () => (time += 2500));
    expect(await slower(() => undefined)).toEqual({ kind: "fault", why: "it took 2.5 s" });
    const refusal = () => {
      throw new ArgumentError("no");
    };
    expect((await slower(refusal)).kind).toBe("fault");
    expect((await ending(refusal)).kind).toBe("refused");
  });
  test("no file is no case", async () => {
    expect(await judge(() => undefined, undefined)).toEqual({ kind: "empty" });
  });
});
