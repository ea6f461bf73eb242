/** When a load may go by a tuning table. No GPU is touched. */
import { kernelsHash } from "../../kernels/registry.ts";
import { winogradHash } from "../../kernels/winograd.ts";
import type { AdapterDescription } from "../gpu/context.ts";
import { adapterKey, TUNING_VERSION } from "../tuning.ts";
import type { TuningStatus, TuningTable } from "../tuning.ts";

/** Of the core's variants and of Winograd's: both are loaded wherever a table is made or checked. */
const variantsHash = () => kernelsHash() + winogradHash();

/** A table without choices for an adapter and the kernels as they are. */
export function emptyTable(adapter: AdapterDescription): TuningTable {
  return { version: TUNING_VERSION, adapter: adapterKey(adapter), kernels: variantsHash(), choices: {} };
}

/**
 * Whether a table may be used on an adapter. It may come from a file or from browser storage, so nothing is taken for granted
 * of it: what is no table is not used, and nothing is thrown. Choices are checked one by one when a program is planned.
 */
export function checkTable(table: unknown, adapter: AdapterDescription): TuningStatus {
  const unused = (reason: string): TuningStatus => ({ used: false, reason, choices: 0 });
  const isObject = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject(table)) return unused("it is not a tuning table");
  const { version, adapter: measured, kernels, choices } = table as Partial<TuningTable>;
  if (!isObject(choices)) return unused("it is not a tuning table");
  if (version !== TUNING_VERSION) return unused(`its version is ${version}, this is ${TUNING_VERSION}`);
  if (measured !== adapterKey(adapter)) return unused(`it was measured on another adapter, "${measured}"`);
  if (kernels !== variantsHash()) return unused("kernels have changed since it was measured");
  return { used: true, choices: Object.keys(choices).length };
}
