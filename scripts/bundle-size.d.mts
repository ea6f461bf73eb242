export interface BundleSize {
  minified: number;
  gzip: number;
}
/** `later`: what dynamic imports may fetch, beyond what is downloaded at first. */
export function measureBundle(code: string, external?: RegExp[]): Promise<BundleSize & { later: BundleSize }>;
/** What an app takes of Nudge, by names of its public surface; "*" takes everything. */
export function exporting(names: string): string;
/** The modules that read ONNX's bytes, to be left out where they are stated apart. */
export const ONNX_READING: RegExp[];
