// Pictures for people: a grid of original | perturbed with the labels beneath, and a perturbation with its scale.

import { BOLD_FONT, FONT, loadCanvas, type Canvas } from "./canvas.ts";
import type { NdArray } from "./ndarray.ts";
import { diverging, extremes, perturbationToPicture, toPicture, type Picture, type PictureFormat } from "./picture.ts";

export interface GalleryItem {
  /** One sample each, without the batch axis. */
  readonly original: NdArray;
  readonly perturbed: NdArray;
  /** Names of the classes chosen before and after. */
  readonly before: string;
  readonly after: string;
}

export interface Caption {
  readonly title: string;
  readonly subtitle?: string;
}

type Context = ReturnType<ReturnType<Canvas["createCanvas"]>["getContext"]>;

/** Sides in pixels at which pictures are shown: small ones are enlarged by a whole factor, large ones reduced. */
const SHOWN = { target: 112, most: 240, perturbation: 448 };
const MARGIN = 24;
const GAP = 6;
const CARD_GAP = 24;
const ROW_GAP = 14;
const TITLE_SIZE = 20;
const TEXT_SIZE = 14;
const LINE = 20;
const COLOURS = { page: "#ffffff", text: "#1f2328", quiet: "#656d76", fooled: "#b3261e", frame: "#d0d7de" };

/**
 * A PNG of pairs, original on the left and perturbed on the right, with "before → after" beneath: red where the class
 * changed, grey where it stayed.
 */
export async function renderGallery(items: readonly GalleryItem[], format: PictureFormat, caption: Caption): Promise<Uint8Array> {
  const canvas = await loadCanvas();
  const { width, height } = shownSize(format, SHOWN.target);
  const cardWidth = 2 * width + GAP;
  const cardHeight = height + GAP + LINE * labelLines(canvas, items, cardWidth);
  const columns = chooseColumns(items.length, cardWidth, cardHeight);
  const rows = Math.ceil(items.length / columns);
  const header = captionHeight(caption);
  const gridWidth = columns * cardWidth + (columns - 1) * CARD_GAP;
  const page = canvas.createCanvas(
    2 * MARGIN + Math.max(gridWidth, captionWidth(canvas, caption)),
    2 * MARGIN + header + rows * cardHeight + (rows - 1) * ROW_GAP,
  );
  const context = page.getContext("2d");
  drawPage(context, page.width, page.height, caption);
  items.forEach((item, index) => {
    const x = MARGIN + (index % columns) * (cardWidth + CARD_GAP);
    const y = MARGIN + header + Math.floor(index / columns) * (cardHeight + ROW_GAP);
    drawPicture(canvas, context, toPicture(item.original, format), x, y, width, height);
    drawPicture(canvas, context, toPicture(item.perturbed, format), x + width + GAP, y, width, height);
    drawLabels(context, item, x + cardWidth / 2, y + height + GAP, cardWidth);
  });
  return page.encode("png");
}

/**
 * A PNG of one perturbation, enlarged, with a bar that prints its scale ±max|v| in the units of v.
 * @param v [C, H, W], [H, W, C] or flat, without the batch axis
 */
export async function renderPerturbation(v: NdArray, format: PictureFormat, caption: Caption): Promise<Uint8Array> {
  const canvas = await loadCanvas();
  const { low, high } = extremes(v.data);
  const scale = Math.max(Math.abs(low), Math.abs(high));
  const { width, height } = shownSize(format, SHOWN.perturbation, SHOWN.perturbation);
  const header = captionHeight(caption);
  const barHeight = 16;
  const inner = Math.max(width, captionWidth(canvas, caption));
  const page = canvas.createCanvas(2 * MARGIN + inner, 2 * MARGIN + header + height + 2 * GAP + barHeight + LINE);
  const context = page.getContext("2d");
  drawPage(context, page.width, page.height, caption);
  const top = MARGIN + header;
  drawPicture(canvas, context, perturbationToPicture(v, format, scale), MARGIN, top, width, height);

  const barTop = top + height + 2 * GAP;
  drawBar(context, format, MARGIN, barTop, width, barHeight);
  context.font = `${TEXT_SIZE}px ${FONT}`;
  context.fillStyle = COLOURS.quiet;
  const marks = [`−${formatScale(scale)}`, "0", `+${formatScale(scale)}`];
  (["left", "center", "right"] as const).forEach((align, index) => {
    context.textAlign = align;
    context.fillText(marks[index]!, MARGIN + (index * width) / 2, barTop + barHeight + TEXT_SIZE + 2);
  });
  return page.encode("png");
}

function formatScale(scale: number): string {
  return scale === 0 ? "0" : String(Number(scale.toPrecision(4)));
}

/** The size at which a picture is shown: a whole multiple when enlarged, so that every pixel stays a square. */
function shownSize({ width, height }: PictureFormat, target: number, most: number = SHOWN.most): { width: number; height: number } {
  const side = Math.max(width, height);
  const factor = side > most ? most / side : Math.max(1, Math.round(target / side));
  return { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
}

/** As many columns as make the page about as wide as a screen (3 : 2), one more or less where that fills the last row. */
function chooseColumns(count: number, cardWidth: number, cardHeight: number): number {
  const ideal = Math.round(Math.sqrt((count * 1.5 * (cardHeight + ROW_GAP)) / (cardWidth + CARD_GAP)));
  const empty = (columns: number) => Math.ceil(count / columns) * columns - count;
  const candidates = [ideal, ideal + 1, ideal - 1].filter((columns) => columns >= 1 && columns <= count);
  return candidates.reduce((best, columns) => (empty(columns) < empty(best) ? columns : best), candidates[0] ?? 1);
}

function captionHeight({ subtitle }: Caption): number {
  return TITLE_SIZE + (subtitle ? LINE + 4 : 0) + 2 * GAP;
}

function captionWidth({ createCanvas }: Canvas, { title, subtitle = "" }: Caption): number {
  const context = createCanvas(1, 1).getContext("2d");
  context.font = `${TITLE_SIZE}px ${BOLD_FONT}`;
  const titleWidth = context.measureText(title).width;
  context.font = `${TEXT_SIZE}px ${FONT}`;
  return Math.ceil(Math.max(titleWidth, context.measureText(subtitle).width));
}

function drawPage(context: Context, width: number, height: number, { title, subtitle }: Caption): void {
  context.fillStyle = COLOURS.page;
  context.fillRect(0, 0, width, height);
  context.textAlign = "left";
  context.fillStyle = COLOURS.text;
  context.font = `${TITLE_SIZE}px ${BOLD_FONT}`;
  context.fillText(title, MARGIN, MARGIN + TITLE_SIZE - 4);
  if (!subtitle) return;
  context.fillStyle = COLOURS.quiet;
  context.font = `${TEXT_SIZE}px ${FONT}`;
  context.fillText(subtitle, MARGIN, MARGIN + TITLE_SIZE + LINE);
}

function drawPicture(
  { createCanvas, ImageData }: Canvas,
  context: Context,
  picture: Picture,
  x: number,
  y: number,
  width: number,
  height: number,
): void {
  const source = createCanvas(picture.width, picture.height);
  source.getContext("2d").putImageData(new ImageData(picture.data, picture.width, picture.height), 0, 0);
  context.imageSmoothingEnabled = width < picture.width;
  context.imageSmoothingQuality = "high";
  context.drawImage(source, x, y, width, height);
  context.strokeStyle = COLOURS.frame;
  context.strokeRect(x - 0.5, y - 0.5, width + 1, height + 1);
}

const oneLine = ({ before, after }: GalleryItem) => `${before} → ${after}`;

/** 1 where every "before → after" fits beneath its card on one line, else 2. */
function labelLines({ createCanvas }: Canvas, items: readonly GalleryItem[], width: number): number {
  const context = createCanvas(1, 1).getContext("2d");
  context.font = `${TEXT_SIZE}px ${FONT}`;
  return items.every((item) => context.measureText(oneLine(item)).width <= width) ? 1 : 2;
}

/** "before → after" on one line where it fits, else on two, shortened with an ellipsis. */
function drawLabels(context: Context, item: GalleryItem, centre: number, top: number, width: number): void {
  const { before, after } = item;
  context.textAlign = "center";
  context.fillStyle = before === after ? COLOURS.quiet : COLOURS.fooled;
  context.font = `${TEXT_SIZE}px ${FONT}`;
  const lines = context.measureText(oneLine(item)).width <= width ? [oneLine(item)] : [before, `→ ${after}`];
  lines.forEach((text, index) => context.fillText(shorten(context, text, width), centre, top + TEXT_SIZE + index * LINE));
}

function shorten(context: Context, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let length = text.length;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > width) length--;
  return `${text.slice(0, length)}…`;
}

/** The scale from −max to +max: the diverging colours for one channel, greys for three. */
function drawBar(context: Context, { channels }: PictureFormat, x: number, y: number, width: number, height: number): void {
  const rgb = [0, 0, 0];
  for (let column = 0; column < width; column++) {
    const t = (2 * column) / (width - 1) - 1;
    if (channels === "gray") diverging(t, rgb);
    else rgb.fill(127.5 * (1 + t));
    context.fillStyle = `rgb(${rgb.map(Math.round).join(", ")})`;
    context.fillRect(x + column, y, 1, height);
  }
}
