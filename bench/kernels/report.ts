/** What a run of the kernel benchmarks found, and how it is told. Pure. */
import type { AdapterDescription, WeightStorage } from "../../src/index.ts";
import type { Peaks } from "./peaks.ts";
import type { Shape } from "./shapes.ts";
import { percentile } from "./statistics.ts";
import type { Spread } from "./statistics.ts";

export interface VariantResult {
  readonly variant: string;
  /** How weights are stored; f32 where there are none. */
  readonly weights: WeightStorage;
  readonly kernels: readonly string[];
  /** Whether the planner takes it. */
  readonly chosen: boolean;
  /**
   * Largest difference from the double-precision reference at the elements looked at, relative to the largest of them. The
   * reference has the weights as they were before storage rounds them.
   */
  readonly error?: number;
  /** Largest difference from the first variant of the same storage over the whole result, relative to its largest element. */
  readonly disagreement?: number;
  /** Why it was not timed. */
  readonly refused?: string;
  /** Microseconds by the GPU's clock, and by the host's. */
  readonly gpu?: Spread;
  readonly wall?: Spread;
  /** Processor time of all cores, where the adapter is software in this process. */
  readonly processor?: Spread;
  readonly repeats?: number;
  /** From the GPU's clock where there is one, else from the host's. */
  readonly micros?: number;
  readonly gflops?: number;
  readonly gbs?: number;
}

export interface ShapeResult {
  readonly op: Shape["op"];
  /** See kindOf in shapes.ts. */
  readonly kind: string;
  readonly name: string;
  readonly source: string;
  readonly adjoint: boolean;
  readonly flops: number;
  readonly bytes: number;
  readonly intensity: number;
  readonly variants: readonly VariantResult[];
}

export interface Environment {
  /** Browser or Node, with version. */
  readonly host: string;
  /** Whether Dawn clamps indices in shaders. */
  readonly robustness: boolean;
}

export interface Report {
  readonly date: string;
  readonly adapter: AdapterDescription;
  readonly environment: Environment;
  /** "unrounded", "rounded to … µs", or why there are none. */
  readonly timestamps: string;
  /** Microseconds from submitting an empty pass until the host hears that it is done. */
  readonly emptySubmit: number;
  readonly peaks: Peaks;
  readonly results: readonly ShapeResult[];
}

/** How near a variant comes to the roof over its shape: the larger of its shares of the FMA and of the copy peak. */
export function shareOf(variant: VariantResult, peaks: Peaks): number | undefined {
  if (variant.gflops === undefined || variant.gbs === undefined) return undefined;
  return Math.max(variant.gflops / peaks.fma.rate, variant.gbs / peaks.copy.rate);
}

/** The fastest variant whose weights are stored so. */
export function bestOf(shape: ShapeResult, storage: WeightStorage = "f32"): VariantResult | undefined {
  const timed = shape.variants.filter(({ weights, micros }) => weights === storage && micros !== undefined);
  return timed.reduce<VariantResult | undefined>((best, next) => (best && best.micros! <= next.micros! ? best : next), undefined);
}

export interface Summary {
  readonly kind: string;
  readonly shapes: number;
  /** Median and largest share of the nearer roof that the fastest variants reach. */
  readonly median: number;
  readonly most: number;
}

/** What the fastest variants of each kind of shape reach. */
export function summaries({ results, peaks }: Pick<Report, "results" | "peaks">): Summary[] {
  return [...new Set(results.map(({ kind }) => kind))].flatMap((kind) => {
    const shares = results.flatMap((shape) => {
      const best = shape.kind === kind ? bestOf(shape) : undefined;
      return (best && shareOf(best, peaks)) ?? [];
    });
    if (shares.length === 0) return [];
    return [{ kind, shapes: shares.length, median: percentile(shares, 0.5), most: Math.max(...shares) }];
  });
}

export interface Misjudgement {
  readonly shape: ShapeResult;
  readonly best: VariantResult;
  readonly chosen: VariantResult;
  /** How many times longer the planner's choice takes. */
  readonly factor: number;
}

/** Differences below this are noise. */
const NOISE = 1.05;

/** Where another variant is faster than the planner's, worst first. */
export function misjudgements(results: readonly ShapeResult[]): Misjudgement[] {
  return results
    .flatMap((shape) => {
      const best = bestOf(shape);
      const chosen = shape.variants.find(({ weights, chosen }) => weights === "f32" && chosen);
      if (best?.micros === undefined || chosen?.micros === undefined) return [];
      return [{ shape, best, chosen, factor: chosen.micros / best.micros }];
    })
    .filter(({ factor }) => factor >= NOISE)
    .sort((a, b) => b.factor - a.factor);
}

export interface Halving {
  readonly shape: ShapeResult;
  readonly f32: VariantResult;
  readonly f16: VariantResult;
  /** How many times faster the fastest variant is with weights as f16. */
  readonly factor: number;
}

/** What storing weights as f16 gains, and what it costs in accuracy, most gain first. */
export function halvings(results: readonly ShapeResult[]): Halving[] {
  return results
    .flatMap((shape) => {
      const [f32, f16] = [bestOf(shape), bestOf(shape, "f16")];
      return f32 && f16 ? [{ shape, f32, f16, factor: f32.micros! / f16.micros! }] : [];
    })
    .sort((a, b) => b.factor - a.factor);
}

export function adapterName({ description, device, vendor, architecture }: AdapterDescription): string {
  return description || device || `${vendor} ${architecture}`.trim() || "unnamed adapter";
}

/** kernels-2026-01-31-nvidia-h100, without the extension. */
export function fileName(kind: string, { date, adapter }: Pick<Report, "date" | "adapter">): string {
  const slug = adapterName(adapter)
    .toLowerCase()
    .replace(/\(.*?\)/g, " ")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 40);
  return `${kind}-${date.slice(0, 10)}-${slug}`;
}

type Align = "left" | "right";

/** Columns as wide as their widest cell. */
export function columns(rows: readonly (readonly string[])[], align: readonly Align[]): string {
  const widths = align.map((_, i) => Math.max(...rows.map((row) => (row[i] ?? "").length)));
  const cell = (text: string, i: number) => (align[i] === "left" ? text.padEnd(widths[i]!) : text.padStart(widths[i]!));
  return rows
    .map((row) =>
      align
        .map((_, i) => cell(row[i] ?? "", i))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const percent = (share: number) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;
/** Three digits that count. */
const number = (value: number | undefined) =>
  value === undefined ? "" : value >= 100 ? value.toFixed(0) : value.toPrecision(3).replace(/e.*$/, (tail) => tail);

const HEADER = ["op", "shape", "variant", "", "gpu µs", "p10–p90", "wall µs", "cpu µs", "GFLOP/s", "GB/s", "of FMA", "of copy", "error"];
/** What is long, why a variant was not timed, stands in the last column, where it widens no other. */
const ALIGN: readonly Align[] = ["left", "left", "left", "left", ...HEADER.slice(4, -1).map((): Align => "right"), "left"];

const nameOf = ({ variant, weights }: VariantResult) => (weights === "f32" ? variant : `${variant} ${weights}`);

function rowOf(shape: ShapeResult, variant: VariantResult, peaks: Peaks, first: boolean, best: boolean): string[] {
  const { gpu, wall, processor, gflops, gbs, error, refused } = variant;
  const marks = `${variant.chosen ? "*" : ""}${best ? "<" : ""}`;
  const left = [first ? shape.op : "", first ? shape.name : "", nameOf(variant), marks];
  if (refused !== undefined) return [...left, ...HEADER.slice(left.length, -1).map(() => ""), `not timed: ${refused}`];
  const spread = gpu ?? wall;
  return [
    ...left,
    number(gpu?.median),
    spread ? `${number(spread.low)}–${number(spread.high)}` : "",
    number(wall?.median),
    number(processor?.median),
    gflops ? number(gflops) : "",
    number(gbs),
    gflops ? percent(gflops / peaks.fma.rate) : "",
    gbs === undefined ? "" : percent(gbs / peaks.copy.rate),
    error === undefined ? "" : error.toExponential(0),
  ];
}

const HALVED_HEADER = ["op", "shape", "f32", "µs", "error", "f16", "µs", "error", "faster by"];
const HALVED_ALIGN: readonly Align[] = ["left", "left", "left", "right", "right", "left", "right", "right", "right"];

function headOf({ adapter, environment, peaks, timestamps, emptySubmit }: Report): string {
  return [
    `${adapterName(adapter)}${adapter.software ? " (software)" : ""}; ${environment.host}; Dawn's robustness ${environment.robustness ? "on" : "off"}`,
    `measured peaks: ${number(peaks.fma.rate)} GFLOP/s (${peaks.fma.form}), ${number(peaks.copy.rate)} GB/s copied (${peaks.copy.form})`,
    `timestamps: ${timestamps}; an empty submit takes ${number(emptySubmit)} µs by the host's clock`,
  ].join("\n");
}

/** The tables: every variant of every shape, then where the planner was wrong. */
export function tableOf(report: Report): string {
  const { results, peaks } = report;
  const rows = results.flatMap((shape) => {
    return shape.variants.map((variant, i) => {
      const best = shape.variants.length > 1 && variant === bestOf(shape, variant.weights);
      return rowOf(shape, variant, peaks, i === 0, best);
    });
  });
  const summaryRows = summaries(report).map(({ kind, shapes, median, most }) => [kind, String(shapes), percent(median), percent(most)]);
  const wrong = misjudgements(results);
  const wrongRows = wrong.map(({ shape, best, chosen, factor }) => [
    shape.op,
    shape.name,
    chosen.variant,
    best.variant,
    `${factor.toFixed(2)}×`,
  ]);
  const halved = halvings(results);
  const halvedRows = halved.map(({ shape, f32, f16, factor }) => [
    shape.op,
    shape.name,
    f32.variant,
    number(f32.micros),
    f32.error!.toExponential(1),
    nameOf(f16),
    number(f16.micros),
    f16.error!.toExponential(1),
    `${factor.toFixed(2)}×`,
  ]);
  return [
    headOf(report),
    "",
    columns([HEADER, ...rows], ALIGN),
    "",
    "* the planner's choice   < the fastest of its storage   bytes are those that must move; launches repeat on the same data, which caches may hold",
    "",
    columns([["kind", "shapes", "of the nearer peak, median", "most"], ...summaryRows], ["left", "right", "right", "right"]),
    ...(halved.length === 0
      ? []
      : [
          "",
          "The fastest variant with weights as f32 and as f16. Errors are against the weights before they are rounded.",
          columns([HALVED_HEADER, ...halvedRows], HALVED_ALIGN),
        ]),
    ...(wrong.length === 0
      ? ["", "The planner took the fastest variant everywhere."]
      : ["", columns([["op", "shape", "chosen", "faster", "by"], ...wrongRows], ["left", "left", "left", "left", "right"])]),
  ].join("\n");
}
