/** A network as the tests write it down: what the reference evaluates and what onnx-builder.ts turns into a file. */

export type TestAttribute =
  number | string | readonly number[] | { readonly ints: readonly number[] } | { readonly floats: readonly number[] };

export interface TestNode {
  readonly op: string;
  /** Names of values; "" for an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, TestAttribute>>;
  readonly name?: string;
}

export interface TestConstant {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
  /** Default float. */
  readonly type?: "float" | "int64";
}

export interface TestModel {
  readonly opset: number;
  /** Shapes as the file declares them; the first axis is the batch. */
  readonly inputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly nodes: readonly TestNode[];
  readonly constants: Readonly<Record<string, TestConstant>>;
  readonly outputs: readonly string[];
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
