/** Hashes that tell whether a model, images or settings are the same as before: for checkpoints of long runs. */
/** What a model's numbers follow from, on one adapter. Plain data. */
export interface ModelIdentity {
  /** The pixel transform folded into the model as JSON, or "none". */
  readonly preprocessing: string;
  readonly weights: string;
  /** A hash of the tuning table in use, or "none". */
  readonly tuning: string;
  /** Of the loaded graph: its operations and weights, with open axes bound and the preprocessing in front. */
  readonly hash: string;
}

/** Large arrays are hashed in blocks, as Web Crypto copies what it is given. */
const BLOCK_BYTES = 2 ** 24;

const hex = (digest: ArrayBuffer) => Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");

const sha256 = async (bytes: Uint8Array): Promise<string> => hex(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>));

export function hashOfText(text: string): Promise<string> {
  return sha256(new TextEncoder().encode(text));
}

/** A hash of an array's bytes. They are read while it works. */
export async function hashOfArray({ buffer, byteOffset, byteLength }: ArrayBufferView): Promise<string> {
  const hashes: string[] = [];
  for (let at = 0; at < byteLength; at += BLOCK_BYTES) {
    // A slice of shared memory is a copy of its own, which Web Crypto asks for.
    const block = new Uint8Array(buffer, byteOffset + at, Math.min(BLOCK_BYTES, byteLength - at));
    hashes.push(await sha256(buffer instanceof ArrayBuffer ? block : block.slice()));
  }
  return hashOfText(hashes.join());
}
