/** Results as text for a terminal. */
import type { Cell, Verdict } from "./compare.ts";
import { contestants } from "./contestants.ts";
import { missed, MOST_WASTE, type ResultRow, type Results, wasteOf } from "./results.ts";
import type { Measure } from "./rows.ts";
import { SIZE_TARGET } from "./sizes.ts";

const MEGABYTE = 1e6;
const KILOBYTE = 1e3;
const SECOND = 1e3;
const GAP = "  ";

/** Three digits, as many as a measurement on a shared machine deserves. */
export function figure(value: number): string {
  if (value >= 100) return value.toLocaleString("en", { maximumFractionDigits: 0 });
  return value.toPrecision(value >= 10 ? 3 : value >= 1 ? 2 : 1);
}

/** Median, quartiles and the number of samples; or why there are none. */
export function cellText(cell: Cell, measure: Measure): string {
  switch (cell.status) {
    case "measured":
      return measure === "memory"
        ? `${figure(cell.median / MEGABYTE)} MB`
        : `${figure(cell.median)} ms [${figure(cell.low)}–${figure(cell.high)}] n=${cell.n}`;
    case "unequal":
      return `unequal: ${cell.why}`;
    case "cannot":
      return `cannot: ${cell.why}`;
    case "slow":
      return `given up after ${figure(cell.atLeast / SECOND)} s${cell.counts ? "" : ", not yet warm"}`;
    case "omitted":
      return cell.why;
  }
}

export function verdictText({ ratio, atLeast, target, met, why }: Verdict): { ratio: string; target: string; outcome: string } {
  return {
    ratio: ratio === undefined ? (why ?? "") : `${atLeast ? "≥ " : ""}${figure(ratio)}×`,
    target: `≥ ${target}×`,
    outcome: met === undefined ? "–" : met ? "met" : "MISSED",
  };
}

/** Columns as wide as their widest entry. */
export function grid(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  return lines
    .map((line) =>
      line
        .map((text, column) => text.padEnd(widths[column]!))
        .join(GAP)
        .trimEnd(),
    )
    .join("\n");
}

function modelTable(rows: readonly ResultRow[]): string {
  const header = ["", ...contestants.map(({ name }) => name), "best peer / Nudge", "target", ""];
  const lines = rows.map(({ title, measure, cells, verdict }) => {
    const { ratio, target, outcome } = verdictText(verdict);
    return [title, ...contestants.map(({ id }) => cellText(cells[id]!, measure)), ratio, target, outcome];
  });
  const notes = [...rows.filter(({ row }) => row === "cold").map(pipelinesOf), ...rows.flatMap(wasteText)];
  return [grid([header, ...lines]), ...notes].join("\n");
}

/** Nudge's memory beside the least that its plans allow. */
export function wasteText(row: ResultRow): string[] {
  const waste = wasteOf(row);
  if (waste === undefined) return [];
  const outcome = waste <= MOST_WASTE ? "met" : "MISSED";
  return [
    `${row.title}: ${waste.toFixed(2)}× of the ${figure(row.least! / MEGABYTE)} MB that the plan needs, target ≤ ${MOST_WASTE}× ${outcome}`,
  ];
}

/** What was compiled before the first logits. */
function pipelinesOf({ cells }: ResultRow): string {
  const parts = contestants.flatMap(({ id, name }) => {
    const cell = cells[id]!;
    if (cell.status !== "measured") return [];
    return [`${name} ${cell.pipelines}${cell.compilingMs > 0 ? ` (waited ${figure(cell.compilingMs)} ms)` : ""}`];
  });
  return `pipelines until the first logits: ${parts.join(", ")}`;
}

function sizeTable({ sizes }: Results): string {
  const kilobytes = (bytes: number) => `${figure(bytes / KILOBYTE)} kB`;
  const target = (gzip: number) => `target ≤ ${kilobytes(SIZE_TARGET)}: ${gzip <= SIZE_TARGET ? "met" : "MISSED"}`;
  const lines = sizes.map(({ name, size, wasm, later }, i) => [
    name,
    kilobytes(size.minified),
    kilobytes(size.gzip),
    [
      ...(wasm ? [`+ ${kilobytes(wasm.gzip)} of gzipped WebAssembly`] : []),
      ...(later ? [`+ ${kilobytes(later.gzip)} for networks with rare ops`] : []),
      ...(i === 0 ? [target(size.gzip)] : []),
    ].join("; "),
  ]);
  return grid([["bundle", "minified", "gzip", ""], ...lines]);
}

export function resultsText(results: Results): string {
  const { adapter, browser, cores, system, versions, missing, rows, sizes } = results;
  const models = [...new Set(rows.map(({ model }) => model))];
  const parts = [
    `${browser}, ${adapter.description || adapter.architecture || adapter.vendor}, ${cores} cores, ${system}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", "),
    "Medians and quartiles of wall time, from the call to the result on the host; every contestant in a Chrome of its own, in turns.",
    ...models.map((model) => `${model}\n${modelTable(rows.filter((row) => row.model === model))}`),
    ...(sizes.length > 0 ? [sizeTable(results)] : []),
  ];
  if (missing.length > 0)
    parts.push(`Not here, for want of the data folder (shared/data beside the checkout, or $NUDGE_SHARED_DATA): ${missing.join(", ")}`);
  const short = missed(results);
  parts.push(short.length > 0 ? `Targets missed (${short.length}): ${short.join("; ")}` : "No target was missed.");
  return parts.join("\n\n");
}
