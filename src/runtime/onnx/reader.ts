/** protobufjs's reader with bounds: no message and no list is longer than what holds it, and none lies too deep in others. */
import { Reader } from "virtual:protobufjs";
import { EXACT_BELOW, fromExact } from "../graph/integers.ts";
import type { Int64 } from "./messages.ts";

/** How deep messages may lie in each other: far beyond any model, and before the stack ends. */
const MAX_DEPTH = 100;

const utf8 = /* @__PURE__ */ new TextDecoder("utf-8", { ignoreBOM: true });

/** An integer of 2⁵³ or more. */
export class WideInteger {
  constructor(readonly exact: bigint) {}

  toNumber(): number {
    return fromExact([this.exact], undefined)[0]!;
  }
}

/** @internal */
export class ModelReader extends Reader {
  private readonly view: DataView;
  /** Where the messages end that are being read, the innermost last. */
  private readonly ends: number[] = [];

  constructor(bytes: Uint8Array) {
    super(bytes);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Begins a message of `length` bytes, and says where it ends. */
  enter(length: number): number {
    const end = this.endOf(length);
    if (this.ends.push(end) > MAX_DEPTH + 1) throw new Error(`messages lie more than ${MAX_DEPTH} deep in each other`);
    return end;
  }

  /** Ends the message that was begun last. */
  leave(): void {
    const end = this.ends.pop()!;
    if (this.pos !== end) throw new Error(`a field reaches past byte ${end}, where its message ends`);
  }

  /** Begins a packed list, and says where it ends. */
  list(): number {
    return this.endOf(this.uint32());
  }

  string(): string {
    return utf8.decode(this.bytes());
  }

  float(): number {
    this.pos += 4;
    return this.view.getFloat32(this.pos - 4, true);
  }

  double(): number {
    this.pos += 8;
    return this.view.getFloat64(this.pos - 8, true);
  }

  override int64(): Int64 {
    const from = this.pos;
    const value = super.int64() as number;
    return Math.abs(value) < EXACT_BELOW ? value : new WideInteger(BigInt.asIntN(64, this.varint(from)));
  }

  override uint64(): Int64 {
    const from = this.pos;
    const value = super.uint64() as number;
    return value < EXACT_BELOW ? value : new WideInteger(BigInt.asUintN(64, this.varint(from)));
  }

  /** The number whose bytes, seven bits in each, lie from there to where the reader is. */
  private varint(from: number): bigint {
    let value = 0n;
    for (let at = this.pos - 1; at >= from; at--) value = (value << 7n) | BigInt(this.buf[at]! & 127);
    return value;
  }

  private endOf(length: number): number {
    const end = this.pos + length;
    const last = this.ends.at(-1) ?? this.len;
    if (end > last) throw new Error(`${length} bytes do not fit before byte ${last}`);
    return end;
  }
}
