/** Where tuning tables are kept between visits: in a browser, its storage. */
import type { AdapterDescription } from "../runtime/gpu/context.ts";
import { adapterKey } from "../runtime/tuning.ts";
import type { TuningTable } from "../runtime/tuning.ts";

/** Tables by a model's name, which is yours to give, and by adapter. No method ever throws. */
export interface TuningCache {
  /** The table kept last, or undefined. Whether it still holds is for engine.load to say. */
  read(model: string, adapter: AdapterDescription): TuningTable | undefined;
  /** Keeps a table, with the choices of the one kept before where both were measured alike. False where nothing could be kept. */
  write(model: string, table: TuningTable): boolean;
}

/** The part of the Web Storage API that is used. */
type TextStorage = { getItem(key: string): string | null; setItem(key: string, value: string): void };

/**
 * A cache in the page's localStorage. Where there is none, or the user forbids it, or it is full, nothing is kept and nothing
 * is found.
 * @param storage what to use instead of localStorage
 */
export function localTuningCache(storage?: TextStorage): TuningCache {
  // Even looking at localStorage throws where cookies are forbidden.
  const attempt = <T>(use: (place: TextStorage) => T): T | undefined => {
    try {
      const place = storage ?? globalThis.localStorage;
      return place && use(place);
    } catch {
      return undefined;
    }
  };
  const keyOf = (model: string, adapter: string) => `nudge-tuning:${model}:${adapter}`;
  const find = (key: string) => parseTable(attempt((place) => place.getItem(key)) ?? "");
  return {
    read: (model, adapter) => find(keyOf(model, adapterKey(adapter))),
    write: (model, table) => {
      const key = keyOf(model, table.adapter);
      const text = JSON.stringify(mergedTable(find(key), table));
      return attempt((place) => (place.setItem(key, text), true)) ?? false;
    },
  };
}

/** The table in a text, or undefined where there is none; whether it fits an adapter is not asked. */
export function parseTable(text: string): TuningTable | undefined {
  try {
    const table = JSON.parse(text) as Partial<TuningTable> | null;
    return typeof table?.choices === "object" && table.choices ? (table as TuningTable) : undefined;
  } catch {
    return undefined;
  }
}

/** The newer table, with the older one's choices for other shapes where both are of the same adapter, kernels and version. */
export function mergedTable(older: TuningTable | undefined, newer: TuningTable): TuningTable {
  const alike = older?.version === newer.version && older.adapter === newer.adapter && older.kernels === newer.kernels;
  return alike ? { ...newer, choices: { ...older.choices, ...newer.choices } } : newer;
}
