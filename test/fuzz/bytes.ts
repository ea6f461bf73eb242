/** Damage to any file: bits, bytes, parts of it, and numbers that say how long something is. */
import type { Choices } from "./random.ts";

/** Bytes that say much in many formats: zeros, ones, signs, and the beginnings of long varints. */
const TELLING = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a, 0x22, 0x2d, 0x39, 0x7b];

type Change = (bytes: Uint8Array, choose: Choices) => Uint8Array;

const place = (bytes: Uint8Array, choose: Choices) => choose.int(0, Math.max(0, bytes.length - 1));

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const changes: readonly Change[] = [
  function flipBits(bytes, choose) {
    for (let i = choose.int(1, 8); i > 0; i--) bytes[place(bytes, choose)]! ^= 1 << choose.int(0, 7);
    return bytes;
  },
  function setBytes(bytes, choose) {
    for (let i = choose.int(1, 4); i > 0; i--) bytes[place(bytes, choose)] = choose.of(TELLING);
    return bytes;
  },
  // The beginning of a file holds its structure.
  function setFirstBytes(bytes, choose) {
    for (let i = choose.int(1, 4); i > 0; i--) bytes[choose.int(0, Math.min(63, bytes.length - 1))] = choose.int(0, 255);
    return bytes;
  },
  function truncate(bytes, choose) {
    return bytes.subarray(0, place(bytes, choose));
  },
  function removePart(bytes, choose) {
    const [from, length] = [place(bytes, choose), choose.int(1, 40)];
    return joined(bytes.subarray(0, from), bytes.subarray(from + length));
  },
  function repeatPart(bytes, choose) {
    const [from, length, times] = [place(bytes, choose), choose.int(1, 200), choose.int(1, 50)];
    const part = bytes.subarray(from, from + length);
    return joined(bytes.subarray(0, from), ...Array<Uint8Array>(times).fill(part), bytes.subarray(from));
  },
  function swapParts(bytes, choose) {
    const [from, to, length] = [place(bytes, choose), place(bytes, choose), choose.int(1, 100)];
    bytes.copyWithin(to, from, from + length);
    return bytes;
  },
  function insertNoise(bytes, choose) {
    const at = place(bytes, choose);
    const noise = Uint8Array.from({ length: choose.int(1, 30) }, () => choose.int(0, 255));
    return joined(bytes.subarray(0, at), noise, bytes.subarray(at));
  },
  // A length bomb: a varint of up to ten bytes, or a word of 32 bits, in place of what was there.
  function claimLength(bytes, choose) {
    const at = place(bytes, choose);
    if (choose.onceIn(2)) {
      const big = choose.int(1, 9);
      const varint = Uint8Array.from({ length: big + 1 }, (_, i) => (i < big ? 0xff : choose.int(0, 0x7f)));
      return joined(bytes.subarray(0, at), varint, bytes.subarray(at + 1));
    }
    const word = choose.of([0xffffffff, 0x7fffffff, 0x80000000, 0x10000000, 0xfffffff0]);
    for (let i = 0; i < 4; i++) bytes[Math.min(bytes.length - 1, at + i)] = (word >>> (8 * (choose.onceIn(2) ? i : 3 - i))) & 255;
    return bytes;
  },
  // Another number in a text.
  function replaceDigits(bytes, choose) {
    const digits = [...bytes.subarray(0, 4096).entries()].filter(([, byte]) => byte >= 0x30 && byte <= 0x39).map(([at]) => at);
    if (digits.length === 0) return bytes;
    const at = choose.of(digits);
    const text = choose.of(["-1", "99999999999", "1e999", "9007199254740993", "0", "4294967296", "2147483648", "1.5", "null", '"1"']);
    return joined(bytes.subarray(0, at), new TextEncoder().encode(text), bytes.subarray(at + 1));
  },
];

/** A copy with one to four changes. */
export function damaged(sample: Uint8Array, choose: Choices): Uint8Array {
  let bytes = Uint8Array.from(sample);
  for (let i = choose.int(1, 4); i > 0 && bytes.length > 0; i--) bytes = Uint8Array.from(choose.of(changes)(bytes, choose));
  return bytes;
}
