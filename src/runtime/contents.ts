/** What is inside the objects that load and describeModel take: checked, and copied, because it is read after the call returns. */
import { checkField, field, integer, oneOf, positive, real } from "../options/fields.ts";
import type { Field } from "../options/fields.ts";
import { ArgumentError } from "./errors.ts";
import type { PixelTransform } from "./graph/preprocess.ts";
import type { ExternalData, FileBytes } from "./onnx/external-data.ts";
import type { ConstantTensor } from "./onnx/import.ts";

const listOf = /* @__NO_SIDE_EFFECTS__ */ (each: Field): Field =>
  field(`a list, each of it ${each.expected}`, (value) => Array.isArray(value) && value.every((entry) => each.accepts(entry)));

const shape = listOf(integer(0));
const finite = listOf(real("a finite number", () => true));
const positives = listOf(positive);
const layout = oneOf(["NCHW", "NHWC"]);
const type = oneOf(["float", "int", "bool", undefined]);
const numbers = field("a Float32Array, a Float64Array or a list of numbers", (value) =>
  Array.isArray(value) ? value.every((entry) => typeof entry === "number") : /^Float(32|64)Array$/.test(kindOf(value)),
);
const bytes = field("a Uint8Array or an ArrayBuffer", (value) => /^(Uint8Array|(Shared)?ArrayBuffer)$/.test(kindOf(value)));

// By name, as objects of other realms are no instances.
const kindOf = (value: unknown) => Object.prototype.toString.call(value).slice(8, -1);

/** A copy of bytes that the caller owns, also where their memory is shared. */
export const copyBytes = (source: FileBytes): Uint8Array =>
  Uint8Array.from(kindOf(source) === "Uint8Array" ? (source as Uint8Array) : new Uint8Array(source as ArrayBuffer));

interface Contents {
  readonly preprocessing?: PixelTransform;
  readonly dimensions?: Readonly<Record<string, number>>;
  readonly constants?: Readonly<Record<string, ConstantTensor>>;
  readonly externalData?: ExternalData;
}

/** Options of the function `of` with their contents copied. Throws ArgumentError, which names the place. */
export function takeContents<T extends Contents>(of: string, options: T): T {
  const { preprocessing, dimensions, constants, externalData } = options;
  return {
    ...options,
    ...(preprocessing && { preprocessing: takePixelTransform(of, preprocessing) }),
    ...(dimensions && { dimensions: { ...dimensions } }),
    ...(constants && { constants: takeEach(constants, (given, name) => takeConstant(of, name, given)) }),
    ...(typeof externalData === "object" && {
      externalData: takeEach(externalData, (given, name) => {
        checkField(of, `externalData.${name}`, bytes, given);
        return copyBytes(given);
      }),
    }),
  };
}

const takeEach = <T, R>(record: Readonly<Record<string, T>>, take: (value: T, name: string) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, take(value, name)]));

function takePixelTransform(of: string, given: PixelTransform): PixelTransform {
  checkField(of, "preprocessing.mean", finite, given.mean);
  checkField(of, "preprocessing.std", positives, given.std);
  checkField(of, "preprocessing.layout", layout, given.layout);
  return { mean: [...given.mean], std: [...given.std], layout: given.layout };
}

function takeConstant(of: string, name: string, given: ConstantTensor): ConstantTensor {
  const at = `constants.${name}`;
  checkField(of, `${at}.shape`, shape, (given as ConstantTensor | null)?.shape);
  checkField(of, `${at}.data`, numbers, given.data);
  checkField(of, `${at}.type`, type, given.type);
  const needed = given.shape.reduce((size, extent) => size * extent, 1);
  if (given.data.length !== needed)
    throw new ArgumentError(`${of}: "${at}" has ${given.data.length} numbers, its shape [${given.shape.join(", ")}] needs ${needed}`);
  return { ...given, shape: [...given.shape], data: given.data.slice() };
}
