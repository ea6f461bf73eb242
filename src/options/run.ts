/** What calls of a model accept. */
import { callback, extended, field, object, oneOf, signal, text } from "./fields.ts";

export const runFields = { signal, onProgress: callback };
export const forwardFields = extended(runFields, { check: oneOf(["finite"]) });
export const derivativeFields = extended(runFields, { output: text, input: text, inputs: object });
/** Which rows there are depends on the model. */
const rows = field(
  '"all", "top3" (any number of largest outputs) or a list of output indices',
  (value) => typeof value === "string" || Array.isArray(value),
);
export const jacobianFields = extended(derivativeFields, { rows });
