/**
 * Seeded randomness: the same seed gives the same shuffle and the same noise on every machine. The generator is xoroshiro128+
 * (Blackman and Vigna 2018), as the package pure-rand has it.
 */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** Two streams with different purposes never start at the same place. */
const STREAM_STRIDE = 7919;

/** A permutation of 0 … count − 1 (Fisher–Yates). `stream` tells apart uses of one seed, such as passes. */
export function seededShuffle(count: number, seed: number, stream: number): Uint32Array {
  const generator = xoroshiro128plus(seed * STREAM_STRIDE + stream);
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = uniformInt(generator, 0, i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** Numbers drawn uniformly from [−1, 1). */
export function seededUniform(count: number, seed: number): Float32Array {
  const generator = xoroshiro128plus(seed);
  return Float32Array.from({ length: count }, () => 2 * uniformFloat64(generator) - 1);
}

/** Standard normal numbers (Box–Muller). */
export function seededNormal(count: number, seed: number): Float32Array {
  const generator = xoroshiro128plus(seed);
  return Float32Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniformFloat64(generator)));
    return radius * Math.cos(2 * Math.PI * uniformFloat64(generator));
  });
}
