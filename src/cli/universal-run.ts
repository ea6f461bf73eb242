// One universal perturbation, computed and judged: shared by `nudge universal` and the demo.

import {
  evaluate,
  NO_LABEL,
  universalPerturbation,
  type Evaluation,
  type Model,
  type UniversalOptions,
  type UniversalResult,
} from "../index.ts";
import type { NdArray } from "../data/ndarray.ts";
import { extremes } from "../data/picture.ts";
import { formatNumber, formatPercent, formatRate, formatSeconds, formatSpread, normName, normSymbol, plural, type Norm } from "./format.ts";
import type { DeepFoolFlags } from "./options.ts";
import type { App } from "./session.ts";

/** Levels of an 8-bit picture. */
const LEVELS = 256;

export interface UniversalSettings extends DeepFoolFlags {
  radius: number;
  foolingRate: number;
  maxPasses: number;
  seed: number;
}

/**
 * The radius where none is given, as large against the images as in the paper (Moosavi-Dezfooli et al. 2017, section 3):
 * l∞: 10 of 255 grey levels; l2: 2000 where the mean norm of the images is 50,000, so 4 %.
 */
export function defaultRadius(norm: Norm, images: NdArray, range: [number, number] | undefined): number {
  if (norm === Infinity) {
    const { low, high } = range ? { low: range[0], high: range[1] } : extremes(images.data);
    return (10 / 255) * (high - low || 1);
  }
  const count = images.shape[0]!;
  const stride = images.data.length / count;
  let sum = 0;
  for (let index = 0; index < count; index++) {
    sum += Math.sqrt(images.data.subarray(index * stride, (index + 1) * stride).reduce((total, x) => total + x * x, 0));
  }
  return 0.04 * (sum / count || 1);
}

/** Computes a perturbation from `images`, or the rest of it, with a live line per pass, and says how it went. */
export async function computeUniversal(
  model: Model,
  images: NdArray,
  validation: NdArray | undefined,
  settings: UniversalSettings,
  { terminal, signal }: App,
  survival: Pick<UniversalOptions, "checkpoint" | "resume"> = {},
): Promise<UniversalResult> {
  const { foolingRate, ...others } = settings;
  const symbol = normSymbol(settings.norm);
  let lastPass = 1;
  terminal.progress(`${symbol}  preparing: compiling shaders, classifying ${plural(images.shape[0]!, "image")}`);
  const result = await universalPerturbation(model, images, {
    ...others,
    ...survival,
    targetFoolingRate: foolingRate,
    validation,
    signal,
    onProgress: (p) => {
      if (p.pass !== lastPass) terminal.endProgress(); // each pass keeps its last line
      lastPass = p.pass;
      const left = Number.isFinite(p.secondsLeft) ? `${formatSeconds(p.secondsLeft)} left` : "";
      terminal.progress(
        `${symbol}  pass ${p.pass}/${p.maxPasses}  ${p.seen}/${p.total} images  fooled ${p.fooledSoFar} (${formatPercent(p.rate)})  ` +
          `norm ${formatNumber(p.norm)}  ${formatNumber(p.imagesPerSecond, 3)} images/s  ${left}`,
      );
    },
  });
  terminal.note(`${symbol}  ${describePasses(result)}`);
  if (!result.reachedTarget) {
    terminal.note(
      `${symbol}  the target of ${formatPercent(foolingRate)} was not reached; the best perturbation fools ` +
        `${formatPercent(result.foolingRate)}. A larger radius or more passes may help.`,
    );
  }
  return result;
}

/** Judges a perturbation: raw, and clipped and rounded to 8 bits where the range is known, beside random noise. */
export function judge(
  model: Model,
  images: NdArray,
  perturbation: NdArray,
  range: [number, number] | undefined,
  { norm, seed, draws }: Pick<UniversalSettings, "norm" | "seed"> & { draws?: number },
  { terminal, signal }: App,
): Promise<Evaluation> {
  const what = `${normSymbol(norm)}  evaluating on ${plural(images.shape[0]!, "image")}`;
  terminal.progress(what);
  const onProgress = ({ done, total }: { done: number; total: number }) => terminal.progress(`${what}: ${formatPercent(done / total)}`);
  return evaluate(model, images, perturbation, {
    ...(range && { clip: range, levels: LEVELS }),
    ...(draws !== undefined && { draws }),
    seed,
    norm,
    signal,
    onProgress,
  });
}

/** "2 passes in 12 s with 263 DeepFool updates; fools 68.2 %, 70.2 % after each". */
export function describePasses({ passes, seconds }: UniversalResult): string {
  const updates = passes.reduce((sum, pass) => sum + pass.updates, 0);
  const rates = passes.map((pass) => formatPercent(pass.foolingRate)).join(", ");
  const effort = `${passes.length === 1 ? "1 pass" : `${passes.length} passes`} in ${formatSeconds(seconds)} with ${plural(updates, "DeepFool update")}`;
  return `${effort}; fools ${rates}${passes.length > 1 ? " after each" : ""}`;
}

/** The rates of an evaluation as table rows: one a variant of the perturbed images, then random noise of the same norm. */
export function evaluationRows(name: string, evaluation: Evaluation, norm: Norm): string[][] {
  const { raw, clipped, rounded, random, withoutLabel } = evaluation;
  const noise = `random noise of the same ${normSymbol(norm)} norm`;
  return [
    [name, formatRate(raw)],
    ...(clipped ? [[`${name}, clipped to the range`, formatRate(clipped)]] : []),
    ...(rounded ? [[`${name}, rounded to 8 bits`, formatRate(rounded)]] : []),
    [noise, formatSpread(random.raw)],
    ...(random.rounded ? [[`${noise}, rounded to 8 bits`, formatSpread(random.rounded)]] : []),
    ...(withoutLabel > 0 ? [["images whose logits hold NaN (never count as fooled)", String(withoutLabel)]] : []),
  ];
}

/** The part of report.json that says how a perturbation came about. */
export function reportResult(result: UniversalResult, settings: UniversalSettings): Record<string, unknown> {
  const { norm, ...others } = settings;
  const { reachedTarget, foolingRate, passes, seconds, perturbation } = result;
  return {
    settings: { norm: normName(norm), ...others },
    result: { reachedTarget, foolingRate, passes, shape: perturbation.shape, seconds },
  };
}

/** An evaluation with what its rates mean. */
export function reportEvaluation({ labelsBefore, labelsAfter, ...rest }: Evaluation): Record<string, unknown> {
  const labels = (of: Uint32Array) => Array.from(of, (label) => (label === NO_LABEL ? null : label));
  return {
    definition:
      "share of the images whose predicted class changes; 95 % Wilson interval. random: of noise of the same norm, over the draws. " +
      "A label is null where the logits hold NaN; such images never count as fooled.",
    ...rest,
    labelsBefore: labels(labelsBefore),
    labelsAfter: labels(labelsAfter),
  };
}
