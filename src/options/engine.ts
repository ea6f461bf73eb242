/** What createEngine, recover and load accept. What is inside the objects is checked where it is used. */
import { anything, callback, extended, field, integer, object, oneOf, positive, signal, text } from "./fields.ts";

const device = field("a GPUDevice", (value) => typeof (value as Partial<GPUDevice> | null)?.createBuffer === "function");
const gpu = field("a GPU, such as navigator.gpu", (value) => typeof (value as Partial<GPU> | null)?.requestAdapter === "function");

export const deviceFields = { device, gpu, adapter: oneOf(["auto", "software", "high-performance", "low-power"]) };
export const recoverFields = { device };
/** Of a model without a GPU. */
export const describeFields = {
  name: text,
  dimensions: object,
  constants: object,
  externalData: field("an object or a function", (value) => object.accepts(value) || callback.accepts(value)),
  weights: oneOf(["f32", "f16"]),
};
export const loadFields = extended(describeFields, {
  preprocessing: object,
  maxBatch: integer(1),
  workingBytes: positive,
  // A table that does not fit is ignored, and model.tuning says why.
  tuning: anything,
  onProgress: callback,
  signal,
});
