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
/** NumPy's own limits. */
const MOST_AXES = 64;
const LONGEST_HEADER = 65_536;

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
    const what = descr === ">f4" ? "is float32 with the bytes of a number turned round" : "is not float32";
    throw new DataError(`${name}: dtype '${printed(descr)}' ${what}; save it with numpy.save(path, x.astype('<f4'))`);
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

/** A dtype in a message; the file may say anything. */
function printed(descr: string): string {
  return descr.length <= 20 && /^[ -~]*$/.test(descr) ? descr : "unknown";
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
  if (length > LONGEST_HEADER)
    throw new DataError(`${name}: malformed .npy header: it has ${length} bytes, and at most ${LONGEST_HEADER} are read`);
  if (bytes.length < start + length) throw new DataError(`${name}: truncated inside the .npy header`);
  const encoding = major === 3 ? "utf-8" : "latin1";
  return { header: new TextDecoder(encoding).decode(bytes.subarray(start, start + length)), offset: start + length };
}

/** The tokens of a header: strings without escapes, whole numbers (Python 2 wrote longs as 3L), words and signs. */
const TOKEN = /\s*(?:'([^'\\]*)'|"([^"\\]*)"|(\d+)L?(?![\w.])|([A-Za-z]+)|([{}()[\]:,]))/y;

type Token = { text: string } | { number: number } | { word: string };

/** Reads the dict literal of a header: exactly the keys descr, fortran_order and shape, each once. */
function parseHeader(header: string, name: string): Header {
  const malformed = (what: string) => new DataError(`${name}: malformed .npy header: ${what}`);
  const text = header.trim();
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (let start = 0; start < text.length; start = TOKEN.lastIndex) {
    const match = TOKEN.exec(text);
    if (!match) throw malformed(`cannot read ${JSON.stringify(text.slice(start, start + 20).trim())}`);
    const [, single, double, digits, word, sign] = match;
    const string = single ?? double;
    tokens.push(string !== undefined ? { text: string } : digits !== undefined ? { number: Number(digits) } : { word: (word ?? sign)! });
  }

  let at = 0;
  const isNext = (word: string) => {
    const token = tokens[at];
    return token !== undefined && "word" in token && token.word === word;
  };
  const take = (word: string): boolean => isNext(word) && ++at > 0;
  const expect = (word: string, what: string) => {
    if (!take(word)) throw malformed(what);
  };
  const readDescr = (): string => {
    const token = tokens[at++];
    if (token && "text" in token) return token.text;
    if (!token || !("word" in token) || token.word !== "[") throw malformed("'descr' is not a string");
    // A list instead of a string describes a record: fields with names, each of its own dtype.
    for (let depth = 1; depth > 0; at++) {
      if (at >= tokens.length) throw malformed("'descr' does not end");
      if (isNext("[") || isNext("(")) depth++;
      if (isNext("]") || isNext(")")) depth--;
    }
    return "record";
  };
  const readShape = (): number[] => {
    expect("(", "'shape' is not a tuple");
    const shape: number[] = [];
    while (!take(")")) {
      const token = tokens[at++];
      if (!token || !("number" in token)) throw malformed("'shape' is not a tuple of whole numbers");
      shape.push(token.number);
      // One number needs a comma: without it the parentheses mean nothing.
      if (!take(",") && !(isNext(")") && shape.length > 1)) throw malformed("'shape' is not a tuple of whole numbers");
    }
    return shape;
  };

  const found: Partial<Header> = {};
  expect("{", "it is not a dict");
  while (!take("}")) {
    const token = tokens[at++];
    const key = token && "text" in token ? token.text : undefined;
    expect(":", "it is not a dict");
    if (key === "descr" && found.descr === undefined) found.descr = readDescr();
    else if (key === "fortran_order" && found.fortranOrder === undefined) {
      found.fortranOrder = isNext("True");
      if (!take("True") && !take("False")) throw malformed("'fortran_order' is neither True nor False");
    } else if (key === "shape" && found.shape === undefined) found.shape = readShape();
    else throw malformed(`the key ${JSON.stringify(key)} is unknown or given twice`);
    if (!take(",") && !isNext("}")) throw malformed("it is not a dict");
  }
  if (at < tokens.length) throw malformed("something follows the dict");
  const { descr, fortranOrder, shape } = found;
  if (descr === undefined) throw malformed("no 'descr'");
  if (fortranOrder === undefined) throw malformed("no 'fortran_order'");
  if (shape === undefined) throw malformed("no 'shape'");
  if (shape.length > MOST_AXES) throw malformed(`'shape' has ${shape.length} axes, and arrays have ${MOST_AXES} at most`);
  if (!shape.every(Number.isSafeInteger)) throw malformed(`'shape' ${formatShape(shape)} is beyond any file`);
  return { descr, fortranOrder, shape };
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
