import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DataError } from "../../../src/data/errors.ts";
import { elementCount } from "../../../src/data/ndarray.ts";
import { decodeNpy, encodeNpy } from "../../../src/data/npy.ts";

/** A .npy file by hand: version, header text as it is, elements. */
function npyBytes(header: string, elements: Uint8Array, major = 1): Uint8Array {
  const text = new TextEncoder().encode(header);
  const lengthBytes = major === 1 ? 2 : 4;
  const bytes = new Uint8Array(8 + lengthBytes + text.length + elements.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, major, 0]);
  const view = new DataView(bytes.buffer);
  if (major === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  bytes.set(text, 8 + lengthBytes);
  bytes.set(elements, 8 + lengthBytes + text.length);
  return bytes;
}

function floats(...values: number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

const header = (entries: { descr?: string; order?: string; shape?: string }) =>
  `{'descr': ${entries.descr ?? "'<f4'"}, 'fortran_order': ${entries.order ?? "False"}, 'shape': ${entries.shape ?? "(2, 3)"}, }\n`;

const SIX = floats(0, 1, 2, 3, 4, 5);

test("reads what numpy.save wrote", () => {
  // numpy.save(path, numpy.array([[1, -2.5]], 'float32')), NumPy 2.2
  const file =
    "93 4e 55 4d 50 59 01 00 76 00 " +
    Buffer.from("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }".padEnd(117) + "\n").toString("hex") +
    " 0000803f 000020c0";
  const array = decodeNpy(Uint8Array.from(Buffer.from(file.replaceAll(" ", ""), "hex")));
  expect(array).toEqual({ shape: [1, 2], data: Float32Array.of(1, -2.5) });
});

test("any array survives a round trip, bit by bit", () => {
  const arrays = fc
    .array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 })
    .chain((shape) => fc.tuple(fc.constant(shape), fc.float32Array({ minLength: elementCount(shape), maxLength: elementCount(shape) })));
  fc.assert(
    fc.property(arrays, fc.nat(7), ([shape, data], shift) => {
      const encoded = encodeNpy({ shape, data });
      // Inside a larger buffer, as Node's small files are, at an offset that is not a multiple of 4.
      const buffer = new Uint8Array(encoded.length + shift);
      buffer.set(encoded, shift);
      const decoded = decodeNpy(Buffer.from(buffer.buffer, shift, encoded.length));
      expect(decoded.shape).toEqual(shape);
      expect(Buffer.from(decoded.data.buffer).equals(Buffer.from(data.buffer, data.byteOffset, data.byteLength))).toBe(true);
      expect((encoded.length - data.byteLength) % 64).toBe(0);
    }),
  );
});

test("a view into a larger array is written alone", () => {
  const data = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
  expect(decodeNpy(encodeNpy({ shape: [2], data })).data).toEqual(Float32Array.of(1, 2));
});

describe("forms that numpy writes", () => {
  test.each([
    ["version 2", npyBytes(header({}), SIX, 2), [2, 3]],
    ["version 3", npyBytes(header({}), SIX, 3), [2, 3]],
    ["a scalar", npyBytes(header({ shape: "()" }), floats(7)), []],
    ["one axis", npyBytes(header({ shape: "(6,)" }), SIX), [6]],
    ["an empty axis", npyBytes(header({ shape: "(0, 3)" }), floats()), [0, 3]],
    ["longs of Python 2", npyBytes(header({ shape: "(2L, 3L)" }), SIX), [2, 3]],
    ["keys in another order", npyBytes(`{"shape": (2,3), "fortran_order": False, "descr": "<f4"}\n`, SIX), [2, 3]],
  ])("%s", (_name, bytes, shape) => {
    expect(decodeNpy(bytes).shape).toEqual(shape);
  });

  test("Fortran order becomes row-major", () => {
    const array = decodeNpy(npyBytes(header({ order: "True" }), floats(0, 3, 1, 4, 2, 5)));
    expect(array).toEqual({ shape: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) });
  });

  test("Fortran order of any shape is the transpose of the reversed shape", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }), (shape) => {
        const count = elementCount(shape);
        const stored = Float32Array.from({ length: count }, (_, i) => i);
        const text = header({ order: "True", shape: `(${shape.join(",")},)` });
        const { data } = decodeNpy(npyBytes(text, new Uint8Array(stored.buffer)));
        for (let flat = 0; flat < count; flat++) {
          let rest = flat;
          let position = 0;
          for (let axis = shape.length - 1; axis >= 0; axis--) {
            position += (rest % shape[axis]!) * elementCount(shape.slice(0, axis));
            rest = Math.floor(rest / shape[axis]!);
          }
          expect(data[flat]).toBe(position);
        }
      }),
    );
  });
});

describe("bad files are named with the reason", () => {
  test.each([
    ["empty", new Uint8Array(0), "the file is empty"],
    ["not .npy", new TextEncoder().encode("hello, world"), "not an .npy file"],
    ["an .npz", Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0), "perhaps an .npz"],
    ["only the magic", npyBytes("", floats()).slice(0, 6), "truncated inside the .npy header"],
    ["a header cut short", npyBytes(header({}), floats()).slice(0, 30), "truncated inside the .npy header"],
    ["a version to come", npyBytes(header({}), SIX, 4), "version 4 is not known"],
    ["float64", npyBytes(header({ descr: "'<f8'" }), SIX), "dtype '<f8' is not float32; save it with numpy.save(path, x.astype('<f4'))"],
    ["big-endian", npyBytes(header({ descr: "'>f4'" }), SIX), "dtype '>f4'"],
    ["bytes", npyBytes(header({ descr: "'|u1'" }), SIX), "dtype '|u1'"],
    ["a record", npyBytes(header({ descr: "[('a', '<f4'), ('b', '<i4')]" }), SIX), "dtype 'record'"],
    ["elements missing", npyBytes(header({}), SIX.slice(0, 20)), "truncated: shape [2, 3] takes 24 bytes, the file holds 20"],
    ["elements too many", npyBytes(header({}), floats(0, 1, 2, 3, 4, 5, 6)), "4 bytes follow the array"],
    ["a shape beyond any memory", npyBytes(header({ shape: "(9999999999, 9999999999)" }), SIX), "truncated"],
    ["no dict", npyBytes("<f4 (2, 3)\n", SIX), "malformed .npy header"],
    ["no shape", npyBytes("{'descr': '<f4', 'fortran_order': False}\n", SIX), "no 'shape'"],
    ["no order", npyBytes("{'descr': '<f4', 'shape': (2, 3)}\n", SIX), "no 'fortran_order'"],
    ["no dtype", npyBytes("{'fortran_order': False, 'shape': (2, 3)}\n", SIX), "no 'descr'"],
    ["a record that does not end", npyBytes("{'descr': [('a', '<f4'", SIX), "'descr' does not end"],
    ["a key given twice", npyBytes("{'descr': '<f4', 'shape': (6,), 'fortran_order': False, 'shape': (2, 3)}\n", SIX), 'the key "shape"'],
    [
      "a shape inside the dtype",
      npyBytes(`{'descr': "<f4', 'shape': (1,), 'x': '", 'fortran_order': False, 'shape': (2, 3)}\n`, SIX),
      "dtype 'unknown'",
    ],
    ["an unknown key", npyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'run': 1}\n", SIX), 'the key "run"'],
    [
      "something behind the dict",
      npyBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} or 1\n", SIX),
      "malformed .npy header",
    ],
    ["a product as size", npyBytes(header({ shape: "(2*3,)" }), SIX), "malformed .npy header: cannot read"],
    ["a size in hexadecimal", npyBytes(header({ shape: "(0x6,)" }), SIX), "malformed .npy header"],
    ["a size with an exponent", npyBytes(header({ shape: "(6e0,)" }), SIX), "malformed .npy header"],
    ["a size without a tuple", npyBytes(header({ shape: "6" }), SIX), "'shape' is not a tuple"],
    ["a number in parentheses, which is no tuple", npyBytes(header({ shape: "(6)" }), SIX), "'shape' is not a tuple"],
    ["a missing comma", npyBytes(header({ shape: "(2 3)" }), SIX), "'shape' is not a tuple of whole numbers"],
    ["a size beyond exact numbers", npyBytes(header({ shape: "(99999999999999999999999, 0)" }), SIX), "is beyond any file"],
    ["more axes than NumPy has", npyBytes(header({ shape: `(${"1, ".repeat(65)})` }), floats(1)), "'shape' has 65 axes"],
    ["an order that is neither", npyBytes(header({ order: "None" }), SIX), "'fortran_order' is neither True nor False"],
    ["a header of 100 kB", npyBytes(header({}).padEnd(100_000), SIX, 2), "at most 65536 are read"],
    ["half precision", npyBytes(header({ descr: "'<f2'" }), SIX), "dtype '<f2' is not float32"],
    ["int64", npyBytes(header({ descr: "'<i8'" }), SIX), "dtype '<i8' is not float32"],
    ["truth values", npyBytes(header({ descr: "'|b1'" }), SIX), "dtype '|b1' is not float32"],
    ["objects, which would be code", npyBytes(header({ descr: "'|O'" }), SIX), "dtype '|O' is not float32"],
    ["a dtype of control characters", npyBytes(header({ descr: "'\u001b[31m'" }), SIX), "dtype 'unknown' is not float32"],
    ["a negative size", npyBytes(header({ shape: "(-2, 3)" }), SIX), "malformed .npy header: cannot read"],
  ])("%s", (_name, bytes, reason) => {
    const read = () => decodeNpy(bytes, "x.npy");
    expect(read).toThrow(DataError);
    expect(read).toThrow(`x.npy: `);
    expect(read).toThrow(reason);
  });

  test("any prefix of a file is refused, and no random bytes crash the reader", () => {
    const whole = encodeNpy({ shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) });
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeNpy(whole.slice(0, length), "x.npy")).toThrow(DataError);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (tail) => {
        const bytes = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, ...tail);
        expect(() => decodeNpy(bytes, "x.npy")).toThrow(DataError);
      }),
    );
  });
});
