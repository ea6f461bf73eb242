/** Writes reports where they are looked for. Node only. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandOptions } from "./options.ts";
import { fileName, tableOf } from "./report.ts";
import type { Report } from "./report.ts";

/** Draws a report; absent where no chart library is at hand. */
export type Draw = (report: Report) => Promise<string>;

/** Writes the report, and its picture where it can be drawn; returns the paths. */
export async function saveReport(report: Report, folder: string, draw?: Draw): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const base = join(folder, fileName("kernels", report));
  const paths = [`${base}.json`];
  writeFileSync(paths[0]!, `${JSON.stringify(report, null, 2)}\n`);
  if (draw) {
    writeFileSync(`${base}.svg`, `${await draw(report)}\n`);
    paths.push(`${base}.svg`);
  }
  return paths;
}

/** Prints and saves. Tables and JSON go to stdout, everything else to stderr. */
export async function deliver(report: Report, options: CommandOptions, draw?: Draw): Promise<void> {
  console.log(options.json ? JSON.stringify(report, null, 2) : tableOf(report));
  for (const path of await saveReport(report, options.output, draw)) console.error(`written: ${path}`);
}
