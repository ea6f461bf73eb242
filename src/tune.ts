/** Tuning, apart from the library so that nobody pays for it who does not use it: import it from "nudge-webgpu/tune". */
export { tune, tuneDefaults } from "./tuning/tune.ts";
export type { TuneOptions, TuneProgress } from "./tuning/tune.ts";
export { localTuningCache, mergedTable, parseTable } from "./tuning/cache.ts";
export type { TuningCache } from "./tuning/cache.ts";
export { adapterKey } from "./runtime/tuning.ts";
export type { TuningTable } from "./runtime/tuning.ts";
