// Checkpoints as bytes: a state of a long run (src/algorithms/checkpoint.ts), or any object of plain data, for a file.
//
//   "NUDGECKP" | version u32 | length of the header u32 | header, JSON | arrays | SHA-256 of everything before it
//
// Numbers are little-endian. In the header a typed array is { "$array": type, "at": byte offset among the arrays, "length":
// elements }, and a number that JSON lacks is { "$number": text }. Nothing is read before the checksum is verified, and nothing
// is allocated that the bytes do not hold, as a file may be damaged or a stranger's. Web Crypto makes this work in pages and Node.

import { CheckpointError } from "../runtime/errors.ts";

const MAGIC = "NUDGECKP";
const VERSION = 1;
const PREFIX_BYTES = MAGIC.length + 8;
const CHECKSUM_BYTES = 32;
/** A header holds options and a record per pass; arrays are not in it. */
const MOST_HEADER_BYTES = 2 ** 20;
/** Arrays begin at multiples of this. */
const ALIGNMENT = 8;

const arrayTypes = { u8: Uint8Array, u32: Uint32Array, f32: Float32Array } as const;
type ArrayType = keyof typeof arrayTypes;
type StoredArray = InstanceType<(typeof arrayTypes)[ArrayType]>;

const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

async function checksumOf(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));
}

/** The bytes of an object of plain data: JSON's values, numbers that JSON lacks, and arrays of u8, u32 and f32. Throws CheckpointError. */
export async function encodeCheckpoint(state: object): Promise<Uint8Array> {
  const arrays: StoredArray[] = [];
  let end = 0;
  const header = new TextEncoder().encode(
    JSON.stringify(state, (_key, value: unknown) => {
      if (typeof value === "number" && !Number.isFinite(value)) return { $number: String(value) };
      if (!ArrayBuffer.isView(value)) return value;
      const type = (Object.keys(arrayTypes) as ArrayType[]).find((name) => value instanceof arrayTypes[name]);
      if (!type) throw new CheckpointError(`a checkpoint cannot hold ${value.constructor.name}`);
      const at = end;
      arrays.push(value as StoredArray);
      end = aligned(at + value.byteLength);
      return { $array: type, at, length: (value as StoredArray).length };
    }),
  );
  if (header.length > MOST_HEADER_BYTES)
    throw new CheckpointError(`the header of a checkpoint would take ${header.length} bytes, ${MOST_HEADER_BYTES} at most`);
  const start = aligned(PREFIX_BYTES + header.length);
  const bytes = new Uint8Array(start + end + CHECKSUM_BYTES);
  new TextEncoder().encodeInto(MAGIC, bytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(MAGIC.length, VERSION, true);
  view.setUint32(MAGIC.length + 4, header.length, true);
  bytes.set(header, PREFIX_BYTES);
  let at = start;
  for (const array of arrays) {
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at = aligned(at + array.byteLength);
  }
  bytes.set(await checksumOf(bytes.subarray(0, -CHECKSUM_BYTES)), bytes.length - CHECKSUM_BYTES);
  return bytes;
}

/**
 * The object that encodeCheckpoint was given. What it holds is checked where it is used, so `State` is what the caller expects.
 * Throws CheckpointError where the bytes are damaged, truncated, of another version or no checkpoint.
 */
export async function decodeCheckpoint<State = unknown>(source: Uint8Array | ArrayBuffer): Promise<State> {
  if (!(source instanceof ArrayBuffer || source instanceof Uint8Array))
    throw new CheckpointError("a checkpoint is read from a Uint8Array or an ArrayBuffer");
  // Not a subclass: slices of Node's Buffer are no copies.
  const bytes = source instanceof ArrayBuffer ? new Uint8Array(source) : new Uint8Array(source.buffer, source.byteOffset, source.length);
  const least = PREFIX_BYTES + CHECKSUM_BYTES;
  if (bytes.length < least) throw new CheckpointError(`the checkpoint is truncated: ${bytes.length} bytes, at least ${least} are needed`);
  if (new TextDecoder().decode(bytes.subarray(0, MAGIC.length)) !== MAGIC)
    throw new CheckpointError(`these bytes are no checkpoint: they do not begin with ${MAGIC}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const version = view.getUint32(MAGIC.length, true);
  if (version !== VERSION) throw new CheckpointError(`the checkpoint has version ${version}, this Nudge reads version ${VERSION}`);
  // A copy of what is hashed would double the memory of a large checkpoint; subtle.digest makes its own.
  const content = bytes.subarray(0, -CHECKSUM_BYTES);
  const checksum = await checksumOf(content);
  if (checksum.some((byte, i) => byte !== bytes[content.length + i]))
    throw new CheckpointError("the checkpoint is damaged or truncated: its checksum does not match");
  const headerBytes = view.getUint32(MAGIC.length + 4, true);
  const start = aligned(PREFIX_BYTES + headerBytes);
  if (headerBytes > MOST_HEADER_BYTES || start > content.length)
    throw new CheckpointError(`the header of the checkpoint claims ${headerBytes} bytes, which it cannot have`);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(PREFIX_BYTES, PREFIX_BYTES + headerBytes));
    const state: unknown = JSON.parse(text, restoring(content.subarray(start)));
    if (typeof state !== "object" || state === null) throw new CheckpointError("it holds no object");
    return state as State;
  } catch (error) {
    throw new CheckpointError(`the header of the checkpoint is not valid: ${(error as Error).message}`);
  }
}

/** Puts values back as encodeCheckpoint was given them. Arrays do not overlap, so all of them take no more than their bytes. */
function restoring(arrays: Uint8Array): (key: string, value: unknown) => unknown {
  let end = 0;
  return (_key, value) => {
    if (typeof value !== "object" || value === null) return value;
    if ("$number" in value) return Number(value.$number);
    if (!("$array" in value)) return value;
    const { $array: type, at, length } = value as { $array: unknown; at: unknown; length: unknown };
    if (typeof type !== "string" || !Object.hasOwn(arrayTypes, type)) throw new CheckpointError(`there is no array type ${display(type)}`);
    const Type = arrayTypes[type as ArrayType];
    const bytes = Number(length) * Type.BYTES_PER_ELEMENT;
    if (at !== end || !Number.isSafeInteger(length) || !(bytes >= 0 && end + bytes <= arrays.length))
      throw new CheckpointError(`an array of ${display(length)} elements at ${display(at)} is not within its bytes`);
    const first = end;
    end = aligned(end + bytes);
    // Copied, so that it begins where its type may begin, and so that the bytes can be let go.
    return new Type(arrays.slice(first, first + bytes).buffer);
  };
}

const display = (value: unknown) => String(JSON.stringify(value)).slice(0, 40);
