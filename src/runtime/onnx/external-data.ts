/**
 * Tensors kept in files beside the model (TensorProto.external_data): which files a model names, and the part of a file that
 * is a tensor's. Names come from the model, so they are checked before anybody is asked for a file: they stay below the
 * model's folder.
 */
import { OnnxFormatError } from "../errors.ts";
import type { ModelProto, TensorProto } from "./messages.ts";
import { bodiesOf } from "./structure.ts";

export type FileBytes = Uint8Array | ArrayBuffer;

/** Files by the names that the model has for them, or a function that finds them; undefined where there is no such file. */
export type ExternalFiles = Readonly<Record<string, FileBytes>> | ((name: string) => FileBytes | undefined);

/** As ExternalFiles; the function may fetch. */
export type ExternalData = ExternalFiles | ((name: string) => FileBytes | undefined | Promise<FileBytes | undefined>);

export function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation === 1 || (tensor.externalData?.length ?? 0) > 0;
}

export interface Location {
  readonly file: string;
  readonly offset: number;
  /** Undefined: to the end of the file. */
  readonly length: number | undefined;
}

export function locationOf(tensor: TensorProto, what: string): Location {
  const entries = new Map((tensor.externalData ?? []).map(({ key, value }) => [key ?? "", value ?? ""]));
  const file = entries.get("location");
  if (!file) throw new OnnxFormatError(`${what} lies in an external data file without a name`);
  // Windows takes both slashes and drive letters; a fetching function may take URLs.
  const parts = file.split(/[/\\]/);
  if (parts[0] === "" || parts.includes("..") || /^[A-Za-z][A-Za-z0-9+.-]*:/.test(file) || file.includes("\0")) {
    throw new OnnxFormatError(`${what} lies in ${JSON.stringify(file)}, which leads out of the model's folder`);
  }
  const number = (key: string) => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    if (!/^\d{1,15}$/.test(text)) throw new OnnxFormatError(`${what} has ${key} ${JSON.stringify(text)} in its external data file`);
    return Number(text);
  };
  return { file, offset: number("offset") ?? 0, length: number("length") };
}

const asBytes = (bytes: FileBytes): Uint8Array => (bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes));

/**
 * The bytes of a tensor that is kept elsewhere; undefined where its file is not given. `size` is what its shape needs.
 * Throws OnnxFormatError for a name that leads out of the model's folder, and for a part that the file does not have.
 */
export function externalBytes(
  tensor: TensorProto,
  size: number,
  files: ExternalFiles | undefined,
  what: string,
): { readonly file: string; readonly bytes: Uint8Array | undefined } {
  const { file, offset, length } = locationOf(tensor, what);
  const found = typeof files === "function" ? files(file) : files && Object.hasOwn(files, file) ? files[file] : undefined;
  if (!found) return { file, bytes: undefined };
  const whole = asBytes(found);
  const end = offset + (length ?? size);
  if (length !== undefined && length !== size) {
    throw new OnnxFormatError(`${what} needs ${size} bytes, but the model gives it ${length} of ${JSON.stringify(file)}`);
  }
  if (end > whole.byteLength) {
    throw new OnnxFormatError(
      `${what} lies at bytes ${offset} to ${end} of ${JSON.stringify(file)}, which has ${whole.byteLength}: the file is cut short or another model's`,
    );
  }
  return { file, bytes: whole.subarray(offset, end) };
}

/** The tensors of a model that are kept elsewhere, with what they are in messages. */
export function externalTensors(model: ModelProto): readonly (readonly [TensorProto, string])[] {
  return bodiesOf(model).flatMap(({ nodes, initializers }) => {
    const own = initializers.map((tensor) => [tensor, `initialiser "${tensor.name}"`] as const);
    const given = nodes.flatMap(({ name, opType, attribute }) =>
      (attribute ?? []).flatMap(({ name: key, t }) => (t ? [[t, `node "${name}" (${opType}) attribute ${key}`] as const] : [])),
    );
    return [...own, ...given].filter(([tensor]) => isExternal(tensor));
  });
}
