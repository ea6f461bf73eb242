/** Tuning tables: what a tuner measured (src/tuning). Plain data. */
import type { AdapterDescription } from "./gpu/context.ts";

/** The kernel variants that were fastest on one adapter. Plain JSON: keep it where you like. */
export interface TuningTable {
  /** Of the table's form and of its signatures. */
  readonly version: number;
  /** The adapter it was measured on, as adapterKey names it. */
  readonly adapter: string;
  /** A hash of the kernels' WGSL text. */
  readonly kernels: string;
  /** Names of variants by the signature of what they compute: op, shape, storage of weights, and copies at a program's capacity. */
  readonly choices: Readonly<Record<string, string>>;
}

/** Whether a model goes by the table it was given, and if not, why not. */
export type TuningStatus =
  { readonly used: true; readonly choices: number } | { readonly used: false; readonly reason: string; readonly choices: 0 };

export const TUNING_VERSION = 2;

/** What tells adapters apart; browsers may leave all but vendor and architecture empty. */
export function adapterKey({ vendor, architecture, device, description }: AdapterDescription): string {
  return [vendor, architecture, device, description].map((part) => part.trim()).join(" / ");
}
