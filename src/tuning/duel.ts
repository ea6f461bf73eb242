/** Which of two pieces of GPU work is faster, on a machine that does other things too. */
import type { Encode, Lap, Stopwatch } from "./stopwatch.ts";

export interface Contender {
  readonly encode: Encode;
  /** Repetitions that make a pass long enough to be timed. */
  readonly repeats: number;
  /** Milliseconds of one repetition, roughly. */
  readonly estimate: number;
}

export interface Outcome {
  /** How many times faster the challenger is: the median over rounds, in each of which both ran one after the other. */
  readonly gain: number;
  /** Median milliseconds of one repetition. */
  readonly holder: number;
  readonly challenger: number;
}

/** A pass should last so many milliseconds: long beside submission and beside the 0.1 ms that browsers round timestamps to. */
const LEAST_PASS = 8;
const MOST_REPEATS = 10_000;
const ROUNDS = 7;

/** A challenger whose first passes were so many times slower is not worth more of them. */
const HOPELESS = 1.6;

/** Finds how many repetitions make a pass long enough. The work should have run before: what runs first may be slow. */
export async function prepare(stopwatch: Stopwatch, encode: Encode): Promise<Contender> {
  for (let repeats = 1; ;) {
    // The shorter of two: a machine that was busy elsewhere would make good work look hopeless.
    const laps = [await stopwatch.lap(encode, repeats), await stopwatch.lap(encode, repeats)];
    const wall = Math.min(...laps.map((lap) => lap.wall));
    if (wall >= LEAST_PASS || repeats === MOST_REPEATS) return { encode, repeats, estimate: wall / repeats };
    // Waiting has a price of its own, so what few repetitions took says little: approach the length in steps.
    const wanted = Math.ceil((repeats * LEAST_PASS * 1.3) / Math.max(wall, 0.1));
    repeats = Math.min(MOST_REPEATS, Math.max(repeats + 1, Math.min(wanted, repeats * 16)));
  }
}

/**
 * Lets both run in turns. What else the machine does then meets both alike, and the ratio of a round hardly minds it. Ends
 * early where the challenger is hopeless, and after three rounds where `deadline` (performance.now) has passed.
 */
export async function duel(stopwatch: Stopwatch, holder: Contender, challenger: Contender, deadline: number): Promise<Outcome> {
  if (challenger.estimate > HOPELESS * holder.estimate) {
    return { gain: holder.estimate / challenger.estimate, holder: holder.estimate, challenger: challenger.estimate };
  }
  const rounds: { holder: Lap; challenger: Lap }[] = [];
  while (rounds.length < ROUNDS && !(rounds.length >= 3 && performance.now() > deadline)) {
    rounds.push({
      holder: await stopwatch.lap(holder.encode, holder.repeats),
      challenger: await stopwatch.lap(challenger.encode, challenger.repeats),
    });
  }
  // One clock for all: a round by the GPU's clock says nothing beside one by the host's.
  const byGpu = rounds.every((round) => round.holder.gpu !== undefined && round.challenger.gpu !== undefined);
  const time = (lap: Lap, { repeats }: Contender) => (byGpu ? lap.gpu! : lap.wall) / repeats;
  const times = rounds.map((round) => ({ holder: time(round.holder, holder), challenger: time(round.challenger, challenger) }));
  return {
    gain: median(times.map((round) => round.holder / round.challenger)),
    holder: median(times.map((round) => round.holder)),
    challenger: median(times.map((round) => round.challenger)),
  };
}

/** The middle value, the upper of two. NaN for an empty list. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
