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
import type { overshootRules } from "../options/attacks.ts";

export type OvershootRule = (typeof overshootRules)[number];

export interface Rule {
  /** Whether the gradient is taken, and the label tested, with the overshoot applied. */
  readonly gradientOvershoots: boolean;
  readonly stopOvershoots: boolean;
  /** Added to the length of every step, in the attack's norm. */
  readonly epsilon: number;
}

const EPSILON = 1e-4;

export const rules: Record<OvershootRule, Rule> = {
  "overshoot-inside": { gradientOvershoots: true, stopOvershoots: true, epsilon: 0 },
  "overshoot-inside-epsilon": { gradientOvershoots: true, stopOvershoots: true, epsilon: EPSILON },
  "overshoot-stop": { gradientOvershoots: false, stopOvershoots: true, epsilon: 0 },
  "overshoot-end": { gradientOvershoots: false, stopOvershoots: false, epsilon: 0 },
};
