/** Options of the attacks, and of what judges their results. The command reads its flags with the same fields. */
import {
  anything,
  callback,
  extended,
  field,
  flag,
  fraction,
  integer,
  nonNegative,
  object,
  oneOf,
  positive,
  seed,
  signal,
} from "./fields.ts";

/** Where DeepFool overshoots; src/algorithms/rules.ts says what each means. */
export const overshootRules = ["overshoot-inside", "overshoot-inside-epsilon", "overshoot-stop", "overshoot-end"] as const;

const norm = oneOf([2, Infinity]);
const count = integer(1);

const steps = {
  overshoot: nonNegative,
  candidates: integer(2),
  maxIterations: count,
  rule: oneOf(overshootRules),
  signal,
  batch: count,
  onProgress: callback,
};

export const deepfoolFields = extended(steps, { norm, refine: flag, refineSteps: count });

export const universalFields = extended(steps, {
  norm,
  radius: positive,
  stepNorm: norm,
  targetFoolingRate: fraction,
  maxPasses: count,
  seed,
  acceptIterations: integer(0),
  validation: anything,
  checkpoint: object,
  resume: object,
});

export const projectFields = { norm, radius: positive };

export const evaluateFields = {
  clip: field("[low, high], two finite numbers with low < high", (value) => {
    const [low, high] = Array.isArray(value) && value.length === 2 ? (value as unknown[]) : [];
    return Number.isFinite(low) && Number.isFinite(high) && (low as number) < (high as number);
  }),
  levels: integer(2),
  norm,
  seed,
  draws: count,
  signal,
  onProgress: callback,
};
