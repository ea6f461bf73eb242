export interface BundleSize {
  minified: number;
  gzip: number;
}
export function measureBundle(code: string, external?: RegExp[]): Promise<BundleSize>;
