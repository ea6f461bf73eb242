import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeCheckpoint, encodeCheckpoint } from "../../../src/data/checkpoint.ts";
import { CheckpointError } from "../../../src/runtime/errors.ts";

const state = {
  method: "universal",
  options: { norm: Infinity, radius: 0.3, low: -Infinity },
  passes: [{ pass: 1, foolingRate: 0.5 }],
  labels: Uint32Array.of(1, 2, 4_000_000_000),
  statuses: Uint8Array.of(1, 2, 3),
  nothing: new Float32Array(),
  v: Float32Array.of(1.5, -0, Number.NaN, Infinity),
};

/** The bytes of a checkpoint with a header of one's own, and a checksum that fits. */
function forged(header: string, { version = 1, length = Buffer.byteLength(header), arrays = new Uint8Array(), magic = "NUDGECKP" } = {}) {
  const prefix = Buffer.alloc(16);
  prefix.write(magic, "latin1");
  prefix.writeUInt32LE(version, 8);
  prefix.writeUInt32LE(length, 12);
  const text = Buffer.from(header);
  const content = Buffer.concat([prefix, text, Buffer.alloc((8 - (text.length % 8)) % 8), arrays]);
  return new Uint8Array(Buffer.concat([content, createHash("sha256").update(content).digest()]));
}

test("what is encoded is decoded, bit for bit", async () => {
  const decoded = await decodeCheckpoint<typeof state>(await encodeCheckpoint(state));
  expect(decoded).toEqual(state);
  expect([...new Uint32Array(decoded.v.buffer)]).toEqual([...new Uint32Array(state.v.buffer)]);
});

test("views and buffers at any offset are read", async () => {
  const bytes = await encodeCheckpoint({ v: new Float32Array(new Float32Array([9, 1, 2, 9]).buffer, 4, 2) });
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  expect(await decodeCheckpoint(shifted.subarray(3))).toEqual({ v: Float32Array.of(1, 2) });
  expect(await decodeCheckpoint(bytes.buffer as ArrayBuffer)).toEqual({ v: Float32Array.of(1, 2) });
  expect(await decodeCheckpoint(Buffer.from(shifted.buffer, 3))).toEqual({ v: Float32Array.of(1, 2) });
});

test("the layout is as documented: other programs may read it", async () => {
  const bytes = await encodeCheckpoint({ a: 1, v: Float32Array.of(2), w: Uint8Array.of(7) });
  const arrays = Buffer.alloc(16);
  arrays.writeFloatLE(2, 0);
  arrays[8] = 7;
  const header = '{"a":1,"v":{"$array":"f32","at":0,"length":1},"w":{"$array":"u8","at":8,"length":1}}';
  expect(bytes).toEqual(forged(header, { arrays }));
});

test.each([
  ["a double array", { v: new Float64Array(1) }, "a checkpoint cannot hold Float64Array"],
  ["a header beyond its bound", { text: "x".repeat(2 ** 20) }, "the header of a checkpoint would take 1048587 bytes, 1048576 at most"],
])("%s is not encoded", async (_name, value, message) => {
  await expect(encodeCheckpoint(value)).rejects.toThrow(message);
});

describe("damaged bytes are refused", () => {
  const huge = '{"v":{"$array":"f32","at":0,"length":4294967296}}';
  const cases: [string, Uint8Array, string][] = [
    ["none", new Uint8Array(), "the checkpoint is truncated: 0 bytes, at least 48 are needed"],
    ["another file", new Uint8Array(100), "these bytes are no checkpoint"],
    ["a later version", forged("{}", { version: 2 }), "the checkpoint has version 2, this Nudge reads version 1"],
    ["a header longer than the file", forged("{}", { length: 2 ** 31 }), "the header of the checkpoint claims 2147483648 bytes"],
    ["a header with a hole", forged("{", {}), "the header of the checkpoint is not valid"],
    ["a header that is no object", forged("3"), "it holds no object"],
    ["null", forged("null"), "it holds no object"],
    ["a header that is no UTF-8", forged("\u0000".repeat(8)), "the header of the checkpoint is not valid"],
    ["a header nested without end", forged("[".repeat(1e5) + "]".repeat(1e5)), "the header of the checkpoint is not valid"],
    ["an array that is not there", forged(huge), "an array of 4294967296 elements at 0 is not within its bytes"],
    ["an array of negative length", forged('{"v":{"$array":"u8","at":0,"length":-1}}'), "an array of -1 elements at 0"],
    ["an array of half an element", forged('{"v":{"$array":"u8","at":0,"length":0.5}}'), "an array of 0.5 elements at 0"],
    ["an array without a place", forged('{"v":{"$array":"u8","length":0}}'), "an array of 0 elements at undefined"],
    ["an array of an unknown type", forged('{"v":{"$array":"constructor","at":0,"length":0}}'), 'there is no array type "constructor"'],
    [
      "two arrays on the same bytes, which would grow with every mention",
      forged('{"v":{"$array":"u8","at":0,"length":8},"w":{"$array":"u8","at":0,"length":8}}', { arrays: new Uint8Array(8) }),
      "an array of 8 elements at 0 is not within its bytes",
    ],
  ];
  for (const [name, bytes, message] of cases) {
    test(name, async () => {
      await expect(decodeCheckpoint(bytes)).rejects.toThrow(message);
      await expect(decodeCheckpoint(bytes)).rejects.toThrow(CheckpointError);
    });
  }

  test("what is no bytes", async () => {
    for (const value of [undefined, null, "text", 3, new Float32Array(9)])
      await expect(decodeCheckpoint(value as never)).rejects.toThrow(CheckpointError);
  });

  test("every bit and every length", async () => {
    const bytes = await encodeCheckpoint(state);
    for (let at = 0; at < bytes.length; at++) {
      await expect(decodeCheckpoint(bytes.slice(0, at)), `cut at ${at}`).rejects.toThrow(CheckpointError);
      const flipped = bytes.slice();
      flipped[at]! ^= 1 << (at % 8);
      await expect(decodeCheckpoint(flipped), `byte ${at}`).rejects.toThrow(CheckpointError);
    }
  });

  test("headers of any JSON, with checksums that fit: an object or a CheckpointError", async () => {
    const entry = fc.oneof(
      fc.json(),
      fc
        .record({ $array: fc.constantFrom("u8", "u32", "f32"), at: fc.integer(), length: fc.integer() })
        .map((array) => JSON.stringify(array)),
      fc.record({ $number: fc.anything() }).map((number) => JSON.stringify(number)),
    );
    await fc.assert(
      fc.asyncProperty(entry, entry, fc.uint8Array({ maxLength: 64 }), async (a, b, arrays) => {
        const bytes = forged(`{"a":${a},"b":${b}}`, { arrays });
        const outcome = await decodeCheckpoint(bytes).catch((error: unknown) => error);
        expect(outcome instanceof CheckpointError || typeof outcome === "object").toBe(true);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(CheckpointError);
      }),
      { seed: 11, numRuns: 500 },
    );
  });
});
