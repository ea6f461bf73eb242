/** Modules cut out of packages when a bundle is made (scripts/onnx-decoder.mjs). */

declare module "virtual:onnx-proto" {
  /** Decodes the next `length` bytes. Throws Error for bytes that are no such message. */
  export function ModelProto(reader: import("./reader.ts").ModelReader, length: number): import("./messages.ts").ModelProto;
}

declare module "virtual:protobufjs" {
  /** Reads protobuf's wire format. Throws Error and RangeError where the bytes end too early. */
  export class Reader {
    constructor(bytes: Uint8Array);
    readonly buf: Uint8Array;
    pos: number;
    readonly len: number;
    /** A varint, cut to 32 bits. */
    uint32(): number;
    /** Varints as doubles, which round from 2⁵³ on. */
    int64(): import("./messages.ts").Int64;
    uint64(): import("./messages.ts").Int64;
    /** A view of as many bytes as a varint says. */
    bytes(): Uint8Array;
  }
}
