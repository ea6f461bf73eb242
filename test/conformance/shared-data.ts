/** Real models and reference derivatives, where they are present: a `shared/data` folder beside the checkout. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = process.env["NUDGE_SHARED_DATA"] ?? fileURLToPath(new URL("../../../shared/data", import.meta.url));

export const sharedData = existsSync(root) ? root : undefined;

export interface IndexedModel {
  readonly file: string;
  readonly ops: string;
  readonly input: { readonly name: string; readonly shape: readonly (number | string)[] };
}

export function indexedModels(): IndexedModel[] {
  if (!sharedData) return [];
  const parsed = JSON.parse(readFileSync(`${sharedData}/models/index.json`, "utf8")) as { models?: IndexedModel[] } | IndexedModel[];
  return Array.isArray(parsed) ? parsed : (Object.values(parsed).find(Array.isArray) as IndexedModel[]);
}

export function readBytes(path: string): Uint8Array {
  return new Uint8Array(readFileSync(`${sharedData}/${path}`));
}

export function readFloats(path: string): Float32Array {
  const bytes = readBytes(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
