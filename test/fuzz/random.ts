/** Random choices of a case: the same for the same seed, target and number, whatever was drawn for other cases. */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

export class Choices {
  private readonly generator;

  constructor(seed: number, target: string, index: number) {
    let hash = seed | 0;
    for (const character of `${target}:${index}`) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
    this.generator = xoroshiro128plus(hash);
  }

  /** A whole number from low to high, both included. */
  int(low: number, high: number): number {
    return uniformInt(this.generator, low, high);
  }

  /** True once in so many times. */
  onceIn(times: number): boolean {
    return this.int(1, times) === 1;
  }

  of<T>(list: readonly T[]): T {
    if (list.length === 0) throw new Error("nothing to choose from");
    return list[this.int(0, list.length - 1)]!;
  }
}
