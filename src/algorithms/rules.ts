/**
 * Where DeepFool overshoots. Implementations differ, and their results with them; each family has a name here.
 *
 *   name                         gradient at     stops when it changes     ε on the step   as in
 *   "overshoot-inside"           x + (1+η) r     label of x + (1+η) r      –               authors' TensorFlow code
 *   "overshoot-inside-epsilon"   x + (1+η) r     label of x + (1+η) r      1e-4            authors' PyTorch code, foolbox
 *   "overshoot-stop"             x + r           label of x + (1+η) r      –               authors' MATLAB code
 *   "overshoot-end"              x + r           label of x + r            –               ART, CleverHans 3
 *
 * All return (1+η) r, with r the sum of the steps.
 */
import { ArgumentError } from "../runtime/errors.ts";

export interface Rule {
  /** Whether the gradient is taken, and the label tested, with the overshoot applied. */
  readonly gradientOvershoots: boolean;
  readonly stopOvershoots: boolean;
  /** Added to the length of every step, in the attack's norm. */
  readonly epsilon: number;
}

const EPSILON = 1e-4;

const rules = {
  "overshoot-inside": { gradientOvershoots: true, stopOvershoots: true, epsilon: 0 },
  "overshoot-inside-epsilon": { gradientOvershoots: true, stopOvershoots: true, epsilon: EPSILON },
  "overshoot-stop": { gradientOvershoots: false, stopOvershoots: true, epsilon: 0 },
  "overshoot-end": { gradientOvershoots: false, stopOvershoots: false, epsilon: 0 },
} as const satisfies Record<string, Rule>;

export type OvershootRule = keyof typeof rules;

export const overshootRules = Object.keys(rules) as readonly OvershootRule[];

export function ruleNamed(name: OvershootRule): Rule {
  if (!Object.hasOwn(rules, name)) throw new ArgumentError(`there is no overshoot rule "${name}"; there are ${overshootRules.join(", ")}`);
  return rules[name];
}
