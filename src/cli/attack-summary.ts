// What a DeepFool run comes to: rates, means and medians, as the report and the table give them.

import type { AttachPoint, DeepFoolResult } from "../index.ts";
import { finiteMean, medianOf, wilsonInterval, type Rate } from "../data/statistics.ts";
import { formatNumber, formatPercent, formatRate, formatSeconds, formatTable, normSymbol, type Norm } from "./format.ts";

type Result = Pick<DeepFoolResult, "status" | "norms" | "relativeNorms" | "iterations" | "seconds">;

export interface AttackSummary {
  readonly images: number;
  readonly fooled: Rate;
  /** Images that were not fooled, by the reason. */
  readonly exhausted: number;
  readonly noDirection: number;
  readonly nonFinite: number;
  readonly outOfRange: number;
  /** Over the fooled images whose ‖x‖ is not zero, and how many these are; null where there is none. */
  readonly meanRho: number | null;
  readonly meanRhoOver: number;
  /** Over all images, failures as Infinity. */
  readonly medianNorm: number;
  /** Over all images. */
  readonly meanIterations: number;
}

export function summarise({ status, norms, relativeNorms, iterations }: Result): AttackSummary {
  const count = (wanted: Result["status"][number]) => status.filter((entry) => entry === wanted).length;
  const rho = finiteMean(relativeNorms);
  return {
    images: status.length,
    fooled: wilsonInterval(count("fooled"), status.length),
    exhausted: count("exhausted"),
    noDirection: count("no-direction"),
    nonFinite: count("non-finite"),
    outOfRange: count("out-of-range"),
    meanRho: rho.mean,
    meanRhoOver: rho.n,
    medianNorm: medianOf(norms),
    meanIterations: iterations.reduce((sum, steps) => sum + steps, 0) / status.length,
  };
}

/** The meaning of null in the reports of attacks. */
export const NULL_MEANS =
  "null stands for what has no finite value: norm and rho of an image that was not fooled, rho of an image that is zero, " +
  "a mean over no image, the median where half of the images or more were not fooled, and the label where logits are not finite.";

export function describeSummary(summary: AttackSummary, norm: Norm, seconds: number): string {
  const { fooled, exhausted, noDirection, nonFinite, outOfRange, meanRho, meanRhoOver, medianNorm, meanIterations } = summary;
  const symbol = normSymbol(norm);
  const failures: [string, number][] = [
    ["not fooled: iterations used up", exhausted],
    ["not fooled: no direction (zero gradients)", noDirection],
    ["not fooled: logits or gradients not finite", nonFinite],
    ["not fooled: out of the range of f32", outOfRange],
  ];
  const over = meanRhoOver === fooled.count ? `over the ${meanRhoOver} fooled` : `over the ${meanRhoOver} fooled with ‖x‖ > 0`;
  return formatTable([
    ["fooled", formatRate(fooled)],
    ...failures.filter(([, count]) => count > 0).map(([name, count]) => [name, String(count)]),
    [`mean ρ = ‖r‖/‖x‖ (${symbol})`, meanRho === null ? "none" : `${formatNumber(meanRho)} (${formatPercent(meanRho)}), ${over}`],
    [
      `median ‖r‖ (${symbol})`,
      Number.isFinite(medianNorm) ? medianLine(medianNorm, fooled) : "not reached: half of the images or more were not fooled",
    ],
    ["mean iterations", formatNumber(meanIterations, 3)],
    ["time", formatSeconds(seconds)],
  ]);
}

/** Where the attack attached, where that is not the network's output with several scores. */
export function describeAttachment({ node, head, binary }: AttachPoint): string | undefined {
  const before = head.length > 0 ? `attacked at the output of "${node}", before ${head.join(" → ")}` : undefined;
  const classes = binary ? "one output: class 1 where the logit is positive, else class 0" : undefined;
  return [before, classes].filter(Boolean).join("; ") || undefined;
}

function medianLine(medianNorm: number, { count, n }: Rate): string {
  return `${formatNumber(medianNorm)}${count < n ? " (failures count as infinite)" : ""}`;
}
