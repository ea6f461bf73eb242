// Numbers and tables for people.

import type { Rate, Spread } from "../data/statistics.ts";

export type Norm = 2 | typeof Infinity;

/** "l2" or "linf", as on the command line and in reports. */
export function normName(norm: Norm): "l2" | "linf" {
  return norm === 2 ? "l2" : "linf";
}

/** "l2" or "l∞", for reading. */
export function normSymbol(norm: Norm): string {
  return norm === 2 ? "l2" : "l∞";
}

/** Four significant digits at most, without trailing zeros. */
export function formatNumber(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return "–";
  return value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e6)
    ? value.toExponential(digits - 2)
    : String(Number(value.toPrecision(digits)));
}

/** 1234567 → "1,234,567". */
export function formatCount(value: number): string {
  return value.toLocaleString("en-US");
}

export function formatPercent(fraction: number): string {
  if (!Number.isFinite(fraction)) return "–";
  return `${(100 * fraction).toFixed(1)} %`;
}

/** "83.4 % (417 of 500; 95 % interval 79.9–86.4)". */
export function formatRate({ rate, count, n, low, high }: Rate): string {
  return `${formatPercent(rate)} (${count} of ${n}; 95 % interval ${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)})`;
}

/** "14.4 % on average of 20 draws (standard deviation 4.3, from 11.6 to 29.2)", for rates as fractions. */
export function formatSpread({ mean, standardDeviation, min, max, n }: Spread): string {
  const [deviation, low, high] = [standardDeviation, min, max].map((fraction) => (100 * fraction).toFixed(1));
  return n === 1
    ? `${formatPercent(mean)} (1 draw)`
    : `${formatPercent(mean)} on average of ${n} draws (standard deviation ${deviation}, from ${low} to ${high})`;
}

export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 120 ? `${whole} s` : `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Columns aligned by spaces; cells of `right` columns (by index) are flushed right. */
export function formatTable(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, cell.length)));
  const pad = (cell: string, column: number) => (right.includes(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!));
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}

/** "1 image", "3 images". */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}
