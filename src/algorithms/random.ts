/**
 * Seeded randomness: the same seed gives the same shuffle and the same noise on every machine. The generator is xoroshiro128+
 * (Blackman and Vigna 2018) with the seeding and the distributions of the package pure-rand, number for number.
 */

/** Two streams with different purposes never start at the same place. */
const STREAM_STRIDE = 7919;

/** Integers of 32 bits, signed: the low halves of the sums of a state of two 64-bit words, each held as high and low half. */
function generator(seed: number): () => number {
  let [high0, low0, high1, low1] = [-1, ~seed, seed | 0, 0];
  return () => {
    const result = (low0 + low1) | 0;
    const [low, high] = [low1 ^ low0, high1 ^ high0];
    const [oldLow, oldHigh] = [low0, high0];
    low0 = (oldLow << 24) ^ (oldHigh >>> 8) ^ low ^ (low << 16);
    high0 = (oldHigh << 24) ^ (oldLow >>> 8) ^ high ^ ((high << 16) | (low >>> 16));
    low1 = (high << 5) ^ (low >>> 27);
    high1 = (low << 5) ^ (high >>> 27);
    return result;
  };
}

/** An integer from 0 … count − 1. What would favour the low ones is drawn again. */
function uniformBelow(count: number, next: () => number): number {
  const fair = Math.floor(2 ** 32 / count) * count;
  let drawn: number;
  do drawn = next() + 2 ** 31;
  while (drawn >= fair);
  return drawn % count;
}

/** A number from [0, 1), in steps of 2⁻⁵³. */
function uniform(next: () => number): number {
  const high = next() & (2 ** 26 - 1);
  const low = next() & (2 ** 27 - 1);
  return high * 2 ** -26 + low * 2 ** -53;
}

/** A permutation of 0 … count − 1 (Fisher–Yates). `stream` tells apart uses of one seed, such as passes. */
export function seededShuffle(count: number, seed: number, stream: number): Uint32Array {
  const next = generator(seed * STREAM_STRIDE + stream);
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = uniformBelow(i + 1, next);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** Numbers drawn uniformly from [−1, 1). */
export function seededUniform(count: number, seed: number): Float32Array {
  const next = generator(seed);
  return Float32Array.from({ length: count }, () => 2 * uniform(next) - 1);
}

/** Standard normal numbers (Box–Muller). */
export function seededNormal(count: number, seed: number): Float32Array {
  const next = generator(seed);
  return Float32Array.from({ length: count }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform(next)));
    return radius * Math.cos(2 * Math.PI * uniform(next));
  });
}
