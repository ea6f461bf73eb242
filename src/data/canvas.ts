// The 2-D canvas for Node, loaded on first use: it is a native module that most commands and every web page do without.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { DataError } from "./errors.ts";

export type Canvas = typeof import("@napi-rs/canvas");

/** Font families for pictures; the generic family steps in where the DejaVu files are not installed. */
export const FONT = `"Nudge Sans", "DejaVu Sans", sans-serif`;
export const BOLD_FONT = `"Nudge Sans Bold", "DejaVu Sans", sans-serif`;

const FONT_FILES = { "Nudge Sans": "DejaVuSans.ttf", "Nudge Sans Bold": "DejaVuSans-Bold.ttf" };

let loading: Promise<Canvas> | undefined;

/**
 * The canvas module with the fonts registered.
 * @throws DataError when it is not installed or has no build for this platform
 */
export function loadCanvas(): Promise<Canvas> {
  loading ??= import("@napi-rs/canvas").then(
    (canvas) => {
      registerFonts(canvas);
      return canvas;
    },
    (error: Error) => {
      const reason = error.message.split("\n")[0];
      throw new DataError(`pictures need the package @napi-rs/canvas (npm install @napi-rs/canvas): ${reason}`);
    },
  );
  return loading;
}

/** Registers DejaVu under names of our own, so that pictures look the same on every machine. */
function registerFonts(canvas: Canvas): void {
  let folder: string;
  try {
    folder = join(dirname(createRequire(import.meta.url).resolve("dejavu-fonts-ttf/package.json")), "ttf");
  } catch {
    return; // not installed: the system's fonts serve
  }
  for (const [family, file] of Object.entries(FONT_FILES)) {
    const path = join(folder, file);
    if (existsSync(path)) canvas.GlobalFonts.registerFromPath(path, family);
  }
}
