/** What tune() accepts. */
import { callback, extended, field, flag, nonNegative } from "./fields.ts";
import { runFields } from "./run.ts";

const counts = field(
  "a list of integers of at least 1",
  (value) => Array.isArray(value) && value.length > 0 && value.every((count) => Number.isInteger(count) && count >= 1),
);

export const tuneFields = extended(runFields, {
  samples: counts,
  derivatives: flag,
  rows: counts,
  budgetMs: nonNegative,
  onProgress: callback,
});
