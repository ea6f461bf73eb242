/** Seeded numbers against xoroshiro128+ written out in 64-bit integers, so that a seed means the same in every version. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { seededNormal, seededShuffle, seededUniform } from "../../../src/algorithms/random.ts";

const seeds = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const rotate = (x: bigint, by: bigint) => BigInt.asUintN(64, (x << by) | (x >> (64n - by)));
const join = (high: number, low: number) => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);

/** Blackman and Vigna 2018, with the constants 24, 16, 37: the low 32 bits of each sum. */
function* xoroshiro(seed: number): Generator<bigint, never> {
  let [a, b] = [join(-1, ~seed), join(seed | 0, 0)];
  for (;;) {
    yield BigInt.asUintN(32, a + b);
    const mixed = a ^ b;
    [a, b] = [BigInt.asUintN(64, rotate(a, 24n) ^ mixed ^ (mixed << 16n)), rotate(mixed, 37n)];
  }
}

/** From [0, 1), in steps of 2⁻⁵³. */
function fraction(bits: Generator<bigint, never>): number {
  const [high, low] = [bits.next().value & (2n ** 26n - 1n), bits.next().value & (2n ** 27n - 1n)];
  return Number((high << 27n) | low) / 2 ** 53;
}

/** From 0 … most. What would favour the low ones is drawn again. */
function below(bits: Generator<bigint, never>, most: number): number {
  const size = BigInt(most + 1);
  const fair = (2n ** 32n / size) * size;
  for (;;) {
    const drawn = BigInt.asUintN(32, bits.next().value + 2n ** 31n);
    if (drawn < fair) return Number(drawn % size);
  }
}

test("shuffles", () => {
  const count = fc.integer({ min: 1, max: 300 });
  const property = fc.property(count, fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 0, max: 50 }), (count, seed, stream) => {
    const bits = xoroshiro(seed * 7919 + stream);
    const order = Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = below(bits, i);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    expect([...seededShuffle(count, seed, stream)]).toEqual(order);
  });
  fc.assert(property);
});

test("uniform and normal numbers", () => {
  const property = fc.property(seeds, (seed) => {
    const [a, b] = [xoroshiro(seed), xoroshiro(seed)];
    expect(seededUniform(20, seed)).toEqual(Float32Array.from({ length: 20 }, () => 2 * fraction(a) - 1));
    const normal = () => Math.sqrt(-2 * Math.log(1 - fraction(b))) * Math.cos(2 * Math.PI * fraction(b));
    expect(seededNormal(20, seed)).toEqual(Float32Array.from({ length: 20 }, normal));
  });
  fc.assert(property);
});
