// The .npy format of NumPy, versions 1 to 3, for little-endian float32.
//
//   "\x93NUMPY" | major u8 | minor u8 | header length (u16 in version 1, u32 after) | header | elements
//
// The header is a Python dict literal with exactly the keys descr, fortran_order and shape, padded with spaces and ended
// by a newline. Only '<f4' is read: converting in silence would hide that a pipeline computes in another precision.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

import { DataError } from "./errors.ts";
import { elementCount, formatShape, type NdArray } from "./ndarray.ts";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const BYTES_PER_ELEMENT = 4;
/** The elements begin at a multiple of this, so that a file can be mapped into memory. */
const ALIGNMENT = 64;

interface Header {
  descr: string;
  fortranOrder: boolean;
  shape: number[];
}

/**
 * Reads the bytes of one .npy file. The result owns its memory. Fortran order is converted to row-major.
 * @param name what the bytes are called in errors, usually the path of the file
 * @throws DataError naming the file when the magic, the header, the dtype or the length is wrong
 */
export function decodeNpy(bytes: Uint8Array, name = "array"): NdArray {
  const { header, offset } = readPreamble(bytes, name);
  const { descr, fortranOrder, shape } = parseHeader(header, name);
  if (descr !== "<f4") {
    throw new DataError(`${name}: dtype '${descr}' is not float32; save it with numpy.save(path, x.astype('float32'))`);
  }
  const expected = elementCount(shape) * BYTES_PER_ELEMENT;
  const found = bytes.length - offset;
  if (!Number.isSafeInteger(expected) || found < expected) {
    throw new DataError(`${name}: truncated: shape ${formatShape(shape)} takes ${expected} bytes, the file holds ${found}`);
  }
  if (found > expected) {
    throw new DataError(`${name}: ${found - expected} bytes follow the array of shape ${formatShape(shape)}; one array a file is read`);
  }
  // Copied, because a Float32Array must begin at a multiple of 4 and `bytes` may begin anywhere in its buffer.
  const data = new Float32Array(expected / BYTES_PER_ELEMENT);
  new Uint8Array(data.buffer).set(bytes.subarray(offset));
  return { shape, data: fortranOrder ? fromFortranOrder(data, shape) : data };
}

/** The bytes of a version 1 .npy file, as numpy.save writes them. */
export function encodeNpy(array: NdArray): Uint8Array {
  const { shape, data } = array;
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dict = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  const fixed = MAGIC.length + 4;
  const total = Math.ceil((fixed + dict.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = dict.padEnd(total - fixed - 1) + "\n";

  const bytes = new Uint8Array(total + data.byteLength);
  bytes.set(MAGIC);
  bytes.set([1, 0, header.length & 0xff, header.length >> 8], MAGIC.length);
  bytes.set(new TextEncoder().encode(header), fixed);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), total);
  return bytes;
}

/** Checks magic and version, and returns the header text and where the elements begin. */
function readPreamble(bytes: Uint8Array, name: string): { header: string; offset: number } {
  if (bytes.length === 0) throw new DataError(`${name}: the file is empty`);
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) {
    const hint = bytes[0] === 0x50 && bytes[1] === 0x4b ? "; it is a zip, perhaps an .npz: save one array with numpy.save" : "";
    throw new DataError(`${name}: not an .npy file${hint}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const major = bytes[MAGIC.length] ?? 0;
  const lengthBytes = major === 1 ? 2 : 4;
  const start = MAGIC.length + 2 + lengthBytes;
  if (bytes.length < start) throw new DataError(`${name}: truncated inside the .npy header`);
  if (major < 1 || major > 3) throw new DataError(`${name}: .npy version ${major} is not known; versions 1 to 3 are`);
  const length = major === 1 ? view.getUint16(start - 2, true) : view.getUint32(start - 4, true);
  if (bytes.length < start + length) throw new DataError(`${name}: truncated inside the .npy header`);
  const encoding = major === 3 ? "utf-8" : "latin1";
  return { header: new TextDecoder(encoding).decode(bytes.subarray(start, start + length)), offset: start + length };
}

/** Reads the three entries of the header's dict literal. */
function parseHeader(header: string, name: string): Header {
  const malformed = (what: string) => new DataError(`${name}: malformed .npy header: ${what}`);
  const text = header.trim();
  if (!text.startsWith("{") || !text.endsWith("}")) throw malformed("it is not a dict");

  const descr = /['"]descr['"]\s*:\s*(?:'([^']*)'|"([^"]*)"|\[)/.exec(text);
  if (!descr) throw malformed("no 'descr'");
  // A list instead of a string describes a record: fields with names, each of its own dtype.
  const dtype = descr[1] ?? descr[2] ?? "record";

  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text);
  if (!order) throw malformed("no 'fortran_order'");

  const tuple = /['"]shape['"]\s*:\s*\(([^)]*)\)/.exec(text);
  if (!tuple) throw malformed("no 'shape'");
  const axes = tuple[1]!.split(",").map((axis) => axis.trim());
  if (axes.at(-1) === "") axes.pop(); // Python's trailing comma, or ()
  const shape = axes.map((axis) => {
    if (!/^\d+L?$/.test(axis)) throw malformed(`shape (${tuple[1]})`); // Python 2 wrote longs as 3L
    return Number.parseInt(axis, 10);
  });
  return { descr: dtype, fortranOrder: order[1] === "True", shape };
}

/** Column-major elements (first axis contiguous) to row-major. */
function fromFortranOrder(data: Float32Array, shape: readonly number[]): Float32Array {
  const result = new Float32Array(data.length);
  const strides = shape.map((_, axis) => elementCount(shape.slice(0, axis)));
  const index = shape.map(() => 0);
  let source = 0;
  for (let target = 0; target < result.length; target++) {
    result[target] = data[source]!;
    // Advance the row-major odometer, and the source position along with it.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      source -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}
