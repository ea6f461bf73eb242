/** The files that tensors are kept in beside the model, fetched before the import, which cannot wait. */
import { ArgumentError } from "../errors.ts";
import { externalTensors, locationOf } from "../onnx/external-data.ts";
import type { ExternalData, ExternalFiles, FileBytes } from "../onnx/external-data.ts";
import type { ModelProto } from "../onnx/messages.ts";

/** The names of the files that a model keeps tensors in. */
export const externalFileNames = (model: ModelProto): readonly string[] => [
  ...new Set(externalTensors(model).map(([tensor, what]) => locationOf(tensor, what).file)),
];

/** Asks for every file that the model names. Throws ArgumentError for the first that is not there. */
export async function fetchExternalData(model: ModelProto, data: ExternalData | undefined): Promise<ExternalFiles> {
  const names = externalFileNames(model);
  const missing = names.filter((name) => typeof data !== "function" && !(data && Object.hasOwn(data, name)));
  if (missing.length > 0) {
    const list = missing.map((name) => JSON.stringify(name)).join(", ");
    throw new ArgumentError(`the model keeps tensors in ${list}; give the bytes in options.externalData`);
  }
  if (typeof data !== "function") return data ?? {};
  const files = await Promise.all(names.map(async (name) => [name, await data(name)] as const));
  const absent = files.find(([, bytes]) => !bytes);
  if (absent) throw new ArgumentError(`the model keeps tensors in ${JSON.stringify(absent[0])}, which options.externalData does not find`);
  return Object.fromEntries(files) as Readonly<Record<string, FileBytes>>;
}
