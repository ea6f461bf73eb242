/** What a run of the comparison leaves behind: facts of the machine that matter, and every cell. No names of machines. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Cells, Verdict } from "./compare.ts";
import { NUDGE } from "./contestants.ts";
import type { Measure } from "./rows.ts";
import { SIZE_TARGET, type SizeRow } from "./sizes.ts";

export interface ResultRow {
  readonly model: string;
  readonly row: string;
  readonly title: string;
  readonly measure: Measure;
  readonly cells: Cells;
  readonly verdict: Verdict;
  /** Of rows on memory: the least bytes that Nudge's plans allow. */
  readonly least?: number;
}

/** Most bytes that Nudge may hold, as a multiple of the least. */
export const MOST_WASTE = 1.3;

/** Nudge's bytes as a multiple of the least that its plans allow. */
export function wasteOf({ least, cells }: ResultRow): number | undefined {
  const nudge = cells[NUDGE];
  return least !== undefined && nudge?.status === "measured" ? nudge.median / least : undefined;
}

export interface Results {
  /** ISO 8601, to the second. */
  readonly date: string;
  readonly adapter: { readonly vendor: string; readonly architecture: string; readonly description: string };
  readonly browser: string;
  readonly cores: number;
  readonly system: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly mode: "full" | "quick";
  /** Networks that were asked for and could not be had. */
  readonly missing: readonly string[];
  readonly rows: readonly ResultRow[];
  readonly sizes: readonly SizeRow[];
}

/** "SwiftShader driver …" and the like as part of a file's name. */
export function adapterSlug({ vendor, architecture, description }: Results["adapter"]): string {
  const name = architecture || description || vendor || "unknown";
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}

/** Where a run's files go, without the ending: <date>-<adapter>. */
export function resultsName({ date, adapter }: Results): string {
  return `${date.slice(0, 10)}-${adapterSlug(adapter)}`;
}

export async function writeResults(folder: string, results: Results, chart: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, resultsName(results));
  await writeFile(`${path}.json`, `${JSON.stringify(results, undefined, 2)}\n`);
  await writeFile(`${path}.svg`, chart);
  return [`${path}.json`, `${path}.svg`];
}

/** Rows that miss their target, the size of the bundle included; where nothing can be compared nothing is missed. */
export function missed({ rows, sizes }: Results): string[] {
  const slow = rows.filter(({ verdict }) => verdict.met === false).map(({ model, title }) => `${model}: ${title}`);
  const wasteful = rows
    .filter((row) => (wasteOf(row) ?? 0) > MOST_WASTE)
    .map(({ model, title }) => `${model}: ${title}, beside the plan's least`);
  const [nudge] = sizes;
  return [...slow, ...wasteful, ...(nudge && nudge.size.gzip > SIZE_TARGET ? ["bundle size"] : [])];
}
