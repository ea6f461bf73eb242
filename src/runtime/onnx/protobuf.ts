/**
 * Reads protobuf's wire format: a message is a row of fields, each a number, a wire type that says how long it is, and the value.
 * What a message may hold, a table says (messages.ts); all else is passed over. Integers of 64 bits become doubles, exact to 2⁵³.
 */

export type Kind = "int" | "uint" | "float" | "double" | "string" | "bytes";

/** Fields by number: the name, what it is, and whether it is a list. Messages that hold themselves are given as functions. */
export type Message = Readonly<Record<number, readonly [name: string, kind: Kind | (() => Message), list?: true]>>;

const WIRE: Readonly<Record<Kind, number>> = { int: 0, uint: 0, double: 1, string: 2, bytes: 2, float: 5 };
const LENGTH_DELIMITED = 2;
/** How deep messages may lie in each other: far beyond any model, and before the stack ends. */
const MAX_DEPTH = 100;

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The message that the bytes are. Fields that they leave out are missing. Throws Error for bytes that are no such message. */
export function decodeMessage(bytes: Uint8Array, message: Message): object {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;

  /** Where the next `count` bytes begin. */
  function take(count: number, end = bytes.length): number {
    if (count > end - at) throw new Error(`a field reaches past byte ${end}`);
    at += count;
    return at - count;
  }

  /** A number in groups of seven bits, the lowest first, as the low and the high half of its 64 bits. */
  function varint(): readonly [low: number, high: number] {
    let [low, high] = [0, 0];
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[take(1)]!;
      const bits = byte & 127;
      if (shift < 32) low |= bits << shift;
      if (shift > 24) high |= shift < 32 ? bits >> (32 - shift) : bits << (shift - 32);
      if (byte < 128) return [low >>> 0, high];
    }
    throw new Error(`the number at byte ${at} does not end`);
  }

  const length = () => varint()[0];
  const part = () => {
    const count = length();
    const start = take(count);
    return bytes.subarray(start, start + count);
  };
  const scalars: Readonly<Record<Kind, () => number | string | Uint8Array>> = {
    int: () => {
      const [low, high] = varint();
      return high * 2 ** 32 + low;
    },
    uint: () => {
      const [low, high] = varint();
      return (high >>> 0) * 2 ** 32 + low;
    },
    float: () => view.getFloat32(take(4), true),
    double: () => view.getFloat64(take(8), true),
    string: () => utf8.decode(part()),
    bytes: part,
  };

  function skip(wire: number, depth: number): void {
    if (wire === 0) varint();
    else if (wire === 1) take(8);
    else if (wire === LENGTH_DELIMITED) take(length());
    else if (wire === 5) take(4);
    else if (wire === 3 && depth < MAX_DEPTH) {
      // A group, as old writers have it: fields up to one of wire type 4.
      for (let inside = length() & 7; inside !== 4; inside = length() & 7) skip(inside, depth + 1);
    } else throw new Error(`no field can begin before byte ${at}`);
  }

  function read(fields: Message, end: number, depth: number): object {
    if (depth > MAX_DEPTH) throw new Error(`messages lie more than ${MAX_DEPTH} deep in each other`);
    const found: Record<string, unknown> = {};
    while (at < end) {
      const tag = length();
      const wire = tag & 7;
      const [name, kind, list] = fields[tag >>> 3] ?? [];
      if (!name || !kind) {
        skip(wire, depth);
        continue;
      }
      const own = typeof kind === "string" ? WIRE[kind] : LENGTH_DELIMITED;
      const packed = list && wire === LENGTH_DELIMITED && own !== wire;
      if (wire !== own && !packed) {
        skip(wire, depth);
        continue;
      }
      const value =
        typeof kind === "string"
          ? scalars[kind]
          : () => {
              const count = length();
              const start = take(count);
              at = start;
              return read(kind(), start + count, depth + 1);
            };
      if (!list) found[name] = value();
      else {
        const items = (found[name] ??= []) as unknown[];
        if (packed) for (const last = length() + at; at < last;) items.push(value());
        else items.push(value());
      }
    }
    if (at > end) throw new Error(`a field reaches past byte ${end}, where its message ends`);
    return found;
  }

  return read(message, bytes.length, 0);
}
