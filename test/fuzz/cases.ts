/** Runs a case and says whether its end was allowed: a result, or one of the library's errors, in time and in memory. */
import { NudgeError } from "../../src/index.ts";
import { Choices } from "./random.ts";
import type { Target } from "./targets.ts";

/** Milliseconds that a case may take. */
export const MOST_MS = 2000;

/**
 * Bytes that a case may take beyond what was in use before: by the file, and, where derivatives are planned, by the numbers that a
 * caller would feed (a scatter table has two doubles for each, and is copied once).
 */
export const mostBytes = (file: number, fed = 0): number => 4 * file + 64 * 2 ** 20 + 32 * fed;

export type Ending = { readonly kind: "accepted" | "refused" | "empty" } | { readonly kind: "fault"; readonly why: string };

/** Case `index` of a target, the same whenever it is asked for; undefined where its changes cannot be written as a file. */
export function makeCase(target: Target, samples: readonly Uint8Array[], seed: number, index: number): Uint8Array | undefined {
  const choose = new Choices(seed, target.name, index);
  return target.make(choose.of(samples), choose);
}

/** Why an error is none that the library throws on purpose; undefined where it is one. */
function problemOf(error: unknown): string | undefined {
  const { name, message, stack } = error as Error;
  if (!(error instanceof NudgeError))
    return `untyped error: ${String(stack ?? error)
      .split("\n")
      .slice(0, 4)
      .join(" | ")}`;
  if (!message || message.length > 10_100) return `${name} with a message of ${message.length} characters`;
  return undefined;
}

export async function judge(run: Target["run"], bytes: Uint8Array | undefined, now = () => performance.now()): Promise<Ending> {
  if (!bytes) return { kind: "empty" };
  const started = now();
  let kind: "accepted" | "refused" = "accepted";
  let why: string | undefined;
  try {
    await run(bytes);
  } catch (error) {
    kind = "refused";
    why = problemOf(error);
  }
  const took = now() - started;
  if (took > MOST_MS) why ??= `it took ${(took / 1000).toFixed(1)} s`;
  return why === undefined ? { kind } : { kind: "fault", why };
}

/** How many cases of each target there are among `total`. */
export function shares(targets: readonly Target[], total: number): readonly number[] {
  const whole = targets.reduce((sum, { share }) => sum + share, 0);
  return targets.map(({ share }) => Math.max(1, Math.round((total * share) / whole)));
}
