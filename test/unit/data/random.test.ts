/** Seeded numbers against the package pure-rand, whose numbers they are to be. */
import fc from "fast-check";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { expect, test } from "vitest";
import { seededNormal, seededShuffle, seededUniform } from "../../../src/algorithms/random.ts";

const seeds = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

test("shuffles are those of pure-rand", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 0, max: 1e6 }),
      fc.integer({ min: 0, max: 50 }),
      (count, seed, stream) => {
        const generator = xoroshiro128plus(seed * 7919 + stream);
        const order = Array.from({ length: count }, (_, i) => i);
        for (let i = count - 1; i > 0; i--) {
          const j = uniformInt(generator, 0, i);
          [order[i], order[j]] = [order[j]!, order[i]!];
        }
        expect([...seededShuffle(count, seed, stream)]).toEqual(order);
      },
    ),
  );
});

test("uniform and normal numbers are those of pure-rand", () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const [a, b] = [xoroshiro128plus(seed), xoroshiro128plus(seed)];
      expect(seededUniform(20, seed)).toEqual(Float32Array.from({ length: 20 }, () => 2 * uniformFloat64(a) - 1));
      const normal = () => Math.sqrt(-2 * Math.log(1 - uniformFloat64(b))) * Math.cos(2 * Math.PI * uniformFloat64(b));
      expect(seededNormal(20, seed)).toEqual(Float32Array.from({ length: 20 }, normal));
    }),
  );
});
