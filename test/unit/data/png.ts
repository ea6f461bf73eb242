// PNG files by the letter of the format, also in forms that few programs write.

import { crc32, deflateSync } from "node:zlib";

const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

export interface PngOptions {
  width: number;
  height: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha. */
  colourType: number;
  bits?: 1 | 2 | 4 | 8 | 16;
  interlaced?: boolean;
  /** Chunks between the header and the pixels: PLTE, tRNS, gAMA, … */
  chunks?: Record<string, readonly number[]>;
  /** The value of a channel of the pixel. */
  value: (x: number, y: number, channel: number) => number;
}

export function png({ width, height, colourType, bits = 8, interlaced = false, chunks = {}, value }: PngOptions): Buffer {
  const channels = CHANNELS[colourType]!;
  const rows: number[] = [];
  for (const [left, top, right, down] of interlaced ? ADAM7 : [[0, 0, 1, 1] as const]) {
    if (left >= width) continue;
    for (let y = top; y < height; y += down) {
      let line = "";
      for (let x = left; x < width; x += right) {
        for (let c = 0; c < channels; c++) line += value(x, y, c).toString(2).padStart(bits, "0");
      }
      rows.push(0, ...(line.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.padEnd(8, "0"), 2)));
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bits, colourType, 0, 0, interlaced ? 1 : 0], 8);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    ...Object.entries(chunks).map(([type, content]) => chunk(type, Buffer.from(content))),
    chunk("IDAT", deflateSync(Buffer.from(rows))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

export function chunk(type: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), content]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
