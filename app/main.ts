/** A page that shows one DeepFool at a time: the digit, the nudge, and what the network then reads. */
import modelUrl from "../models/lenet.onnx?url";
import digitsUrl from "../models/mnist-digits.bin?url";
import { createEngine, deepfool } from "../src/index.ts";
import type { Model, NdArray } from "../src/index.ts";

const SIDE = 28;
const PIXELS = SIDE * SIDE;
const DIGITS = 1000;

const element = <T extends HTMLElement>(id: string) => document.getElementById(id) as T;
const status = element("status");

async function bytes(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Draws values of [low, high] as grey levels. */
function draw(id: string, values: ArrayLike<number>, low: number, high: number): void {
  const context = element<HTMLCanvasElement>(id).getContext("2d")!;
  const picture = context.createImageData(SIDE, SIDE);
  for (let i = 0; i < PIXELS; i++) {
    const level = (255 * (values[i]! - low)) / (high - low);
    picture.data.set([level, level, level, 255], 4 * i);
  }
  context.putImageData(picture, 0, 0);
}

async function show(model: Model, digit: Uint8Array): Promise<void> {
  const x: NdArray = { shape: [1, 1, SIDE, SIDE], data: Float32Array.from(digit, (level) => level / 255) };
  const norm = Number(element<HTMLSelectElement>("norm").value);
  const { perturbations, labels, newLabels, norms, iterations, seconds } = await deepfool(model, x, { norm });
  const nudge = perturbations.data;
  const largest = Math.max(...nudge.map(Math.abs));
  draw("digit", x.data, 0, 1);
  draw("nudge", nudge, -largest, largest);
  draw("nudged", x.data.map((value, i) => value + nudge[i]!), 0, 1); // prettier-ignore
  element("before").textContent = `read as ${labels[0]}`;
  element("size").textContent = `the nudge, ‖r‖ = ${norms[0]!.toFixed(3)}`;
  element("after").textContent = `read as ${newLabels[0]}`;
  status.textContent = `${iterations[0]} iterations, ${(1000 * seconds).toFixed(0)} ms`;
}

async function main(): Promise<void> {
  const engine = await createEngine();
  const model = await engine.load(await bytes(modelUrl), { name: "lenet.onnx" });
  const digits = await bytes(digitsUrl);
  const next = element<HTMLButtonElement>("next");
  const another = async () => {
    next.disabled = true;
    status.textContent = "Looking for the nudge…";
    const at = Math.floor(Math.random() * DIGITS) * PIXELS;
    await show(model, digits.subarray(at, at + PIXELS));
    next.disabled = false;
  };
  next.addEventListener("click", () => void another().catch(report));
  element("norm").addEventListener("change", () => void another().catch(report));
  await another();
}

function report(error: unknown): void {
  status.textContent = error instanceof Error ? error.message : String(error);
}

main().catch(report);
