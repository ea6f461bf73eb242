// What the bytes of a picture file say before they are decoded: the format, and whether the file is whole.
//
// Decoders are lenient: they fill what is missing with grey, or stop at the last pixel and never look at what should follow. So the
// frame of the file is walked here, and whatever is cut off or damaged in it is an error. JPEG's is left to its decoder,
// which is strict when asked to be.

import { crc32 } from "node:zlib";

export type ImageFormat = "png" | "jpeg" | "webp" | "gif" | "bmp" | "avif";

/** The format by the first bytes; the name of a file does not count. */
export function imageFormat(bytes: Uint8Array): ImageFormat | undefined {
  const text = (start: number, end: number) => String.fromCharCode(...bytes.subarray(start, end));
  if (text(0, 8) === "\x89PNG\r\n\x1a\n") return "png";
  if (text(0, 3) === "\xff\xd8\xff") return "jpeg";
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return "webp";
  if (/^GIF8[79]a$/.test(text(0, 6))) return "gif";
  if (text(0, 2) === "BM") return "bmp";
  if (text(4, 8) === "ftyp" && /avif|avis/.test(text(8, 64))) return "avif";
  return undefined;
}

/** What is wrong with the frame of a file: "truncated: …" or "damaged: …"; undefined where nothing is. */
export function problemWithFile(bytes: Uint8Array, format: ImageFormat): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return CHECKS[format](bytes, view);
  } catch (error) {
    if (error instanceof RangeError) return `truncated: the file ends inside its structure, after ${bytes.length} bytes`;
    throw error;
  }
}

type Check = (bytes: Uint8Array, view: DataView) => string | undefined;

const missing = (what: string, needed: number, given: number) => `truncated: ${what} needs ${needed} bytes, the file has ${given}`;

const CHECKS: Record<ImageFormat, Check> = {
  /** Signature, then chunks: length, type, data, checksum; the last is IEND. */
  png(bytes, view) {
    for (let at = 8; ;) {
      const length = view.getUint32(at);
      const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
      const end = at + 12 + length;
      if (end > bytes.length) return missing(`chunk ${type}`, end, bytes.length);
      // A capital marks what a decoder must know; of the rest only transparency matters here.
      const matters = /^[A-Z]|^tRNS$/.test(type);
      if (matters && crc32(bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4))
        return `damaged: the checksum of chunk ${type} is wrong`;
      if (type === "IEND") return undefined;
      at = end;
    }
  },
  jpeg: () => undefined,
  webp(bytes, view) {
    const end = 8 + view.getUint32(4, true);
    return end > bytes.length ? missing("the image", end, bytes.length) : undefined;
  },
  /** Header and colours, then blocks made of sub-blocks, until the trailer. */
  gif(_bytes, view) {
    const colours = (flags: number) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
    let at = 13 + colours(view.getUint8(10));
    for (;;) {
      const kind = view.getUint8(at);
      if (kind === 0x3b) return undefined;
      if (kind === 0x21) at += 2;
      else if (kind === 0x2c) at += 11 + colours(view.getUint8(at + 9));
      else return `damaged: there is no block of kind ${kind}`;
      for (;;) {
        const length = view.getUint8(at);
        at += 1 + length;
        if (length === 0) break;
      }
    }
  },
  bmp(bytes) {
    const { width, height, bits, compression, offset } = bmpHeader(bytes);
    if (![0, 3, 6].includes(compression)) return undefined;
    const end = offset + Math.ceil((width * bits) / 32) * 4 * height;
    return end > bytes.length ? missing("the image", end, bytes.length) : undefined;
  },
  /** Boxes: length, type, content; a length of 0 means the rest of the file, of 1 that 64 bits follow. */
  avif(bytes, view) {
    for (let at = 0; at < bytes.length;) {
      let length = view.getUint32(at);
      if (length === 1) length = Number(view.getBigUint64(at + 8));
      if (length === 0) return undefined;
      if (length < 8) return "damaged: a box is shorter than its header";
      if (at + length > bytes.length) return missing("a box", at + length, bytes.length);
      at += length;
    }
    return undefined;
  },
};

/** @throws RangeError where the file ends before */
export function bmpHeader(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const offset = view.getUint32(10, true);
  // The oldest header has 16-bit sizes; a negative height means rows from the top.
  if (view.getUint32(14, true) === 12) {
    const [width, height, bits] = [view.getUint16(18, true), view.getUint16(20, true), view.getUint16(24, true)];
    return { offset, width, height, bits, compression: 0 };
  }
  return {
    offset,
    width: Math.abs(view.getInt32(18, true)),
    height: Math.abs(view.getInt32(22, true)),
    bits: view.getUint16(28, true),
    compression: view.getUint32(30, true),
  };
}
