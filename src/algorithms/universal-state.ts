/** The state of a universal run between two images: what a run needs to go on, and whether it may. */
import { checkField, field, integer, nonNegative, oneOf, real } from "../options/fields.ts";
import { checkFields } from "./checkpoint.ts";
import type { RunState } from "./checkpoint.ts";
import { NO_LABEL } from "./labels.ts";
import type { UniversalPass } from "./universal.ts";

/** How far a pass is. The next image is the one after those visited. */
export interface Position {
  readonly visited: number;
  /** Of these: times v was changed, and images on which DeepFool gave up. */
  readonly updates: number;
  readonly givenUp: number;
  readonly passSeconds: number;
}

/**
 * A universal run between two images. Images of a pass are visited one after another and leave nothing behind but v, so v, how many
 * were visited and what was counted say all about them.
 */
export interface UniversalState extends RunState, Position {
  /** Labels of the images, and of those of `validation`, before the run. */
  readonly labels: Uint32Array;
  readonly validationLabels: Uint32Array;
  /** The passes that are complete; the one under way follows. */
  readonly passes: readonly UniversalPass[];
  /** v [...input] now, and its norm as reported. */
  readonly v: Float32Array;
  readonly norm: number;
  /** v after the complete pass with the highest fooling rate, and that rate; zeros before the first pass is complete. */
  readonly best: Float32Array;
  readonly bestRate: number;
  /** Since the beginning, without interruptions. */
  readonly seconds: number;
}

/** A copy of a state, whose arrays are the caller's. */
export const takeState = (state: UniversalState): UniversalState =>
  Object.fromEntries(
    Object.entries(state).map(([name, value]: [string, unknown]) => [
      name,
      value instanceof Uint32Array || value instanceof Float32Array || Array.isArray(value) ? value.slice() : value,
    ]),
  ) as unknown as UniversalState;

export interface StateSizes {
  readonly elements: number;
  readonly total: number;
  /** Images of the validation set. */
  readonly held: number;
  readonly classes: number;
  readonly maxPasses: number;
}

/** Checks the fields of a state that is of this run. Throws ArgumentError. */
export function checkUniversalState(state: UniversalState, { elements, total, held, classes, maxPasses }: StateSizes): void {
  const finite = field(`a Float32Array of ${elements} finite numbers`, (value) => isVector(value, elements));
  const labels = (length: number) =>
    field(
      `a Uint32Array of ${length} labels below ${classes}`,
      (value) =>
        value instanceof Uint32Array &&
        value.length === length &&
        value.every((label) => label < Math.max(classes, 2) || label === NO_LABEL),
    );
  checkFields(
    "resume",
    {
      labels: labels(total),
      validationLabels: labels(held),
      v: finite,
      best: finite,
      bestRate: rate,
      visited: integer(0, total),
      updates: integer(0, total),
      givenUp: integer(0, total),
      norm: nonNegative,
      seconds: nonNegative,
      passSeconds: nonNegative,
      passes: field(`a list of at most ${maxPasses} passes`, (value) => Array.isArray(value) && value.length <= maxPasses),
    },
    state,
  );
  state.passes.forEach((pass, i) => {
    checkFields(
      `resume, pass ${i + 1}`,
      {
        pass: oneOf([i + 1]),
        foolingRate: rate,
        ...(held > 0 && { validationFoolingRate: rate }),
        norm: nonNegative,
        updates: integer(0, total),
        seconds: nonNegative,
      },
      pass,
    );
  });
  checkField("resume", "updates", integer(0, state.visited - state.givenUp), state.updates);
}

const isVector = (value: unknown, length: number) =>
  value instanceof Float32Array && value.length === length && value.every(Number.isFinite);
const rate = real("a number in [0, 1]", (value) => value >= 0 && value <= 1);
