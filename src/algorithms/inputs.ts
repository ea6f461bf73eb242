/** What attacks are given: a model with one input, and arrays whose data are taken when the call is made. */
import type { NdArray } from "../data/ndarray.ts";
import { display } from "../options/fields.ts";
import { takeArray } from "../runtime/arrays.ts";
import { ArgumentError, ShapeError } from "../runtime/errors.ts";
import { sizeOf } from "../runtime/graph/graph.ts";
import type { Model } from "../runtime/model.ts";

/** Throws ArgumentError unless `model` is a Model with one input. */
export function checkModel(of: string, model: Model): void {
  // Not instanceof: a page that only evaluates would download the whole engine for it.
  if (typeof (model as Partial<Model> | undefined | null)?.attackProgram !== "function")
    throw new ArgumentError(`${of}: model is ${display(model)}, expected a Model from engine.load()`);
  if (model.inputs.length !== 1)
    throw new ArgumentError(`${of}: ${model.name} has ${model.inputs.length} inputs, expected a model with one`);
}

/** Images [N, ...input], copied. Throws ArgumentError and ShapeError; a number that is not finite is named by image and element. */
export function takeImages(of: string, what: string, model: Model, images: NdArray): NdArray {
  const { shape } = model.inputs[0]!;
  const taken = takeArray(`${of}: ${what}`, images);
  if (!(taken.shape[0]! >= 1) || taken.shape.slice(1).join() !== shape.join())
    throw new ShapeError(`${of}: ${what} takes [${["N", ...shape].join(", ")}], N ≥ 1, given [${taken.shape.join(", ")}]`);
  checkFinite(of, what, taken.data, sizeOf(shape));
  return taken;
}

/** One array [...input], copied. Throws ArgumentError and ShapeError. */
export function takeOne(of: string, what: string, model: Model, array: NdArray): NdArray {
  const { shape } = model.inputs[0]!;
  const taken = takeArray(`${of}: ${what}`, array);
  if (taken.shape.join() !== shape.join())
    throw new ShapeError(`${of}: ${what} takes [${shape.join(", ")}], given [${taken.shape.join(", ")}]`);
  checkFinite(of, what, taken.data);
  return taken;
}

/** Throws ArgumentError that names the first number that is NaN or infinite, by image where there are several. */
export function checkFinite(of: string, what: string, data: Float32Array, elements?: number): void {
  let at = 0;
  while (at < data.length && Number.isFinite(data[at])) at++;
  if (at === data.length) return;
  const place = elements === undefined ? `element ${at}` : `image ${Math.floor(at / elements)}, element ${at % elements}`;
  throw new ArgumentError(`${of}: ${what} is ${data[at]} at ${place}, expected finite numbers`);
}
