/**
 * One small network of every family against JAX in float64 (test/fixtures/make.py): forward, vjp, jvp and rows of the
 * Jacobian, at batch 2. JAX's networks were written separately, so neither a wrong import nor a wrong derivative rule can
 * agree with them.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { NdArray } from "../../src/index.ts";
import { sharedEngine } from "./engine.ts";
import { relativeError } from "./numbers.ts";

interface ArrayEntry {
  readonly type: "f32" | "f64";
  readonly shape: readonly number[];
  /** In bytes. */
  readonly offset: number;
}

interface Fixture {
  /** The classes of the three largest logits of each sample, largest first. */
  readonly rows: readonly (readonly number[])[];
  readonly arrays: Readonly<Record<string, ArrayEntry>>;
}

const FORWARD = 1e-5;
const DERIVATIVE = 1e-4;

const read = (file: string) => new Uint8Array(readFileSync(new URL(`../fixtures/${file}`, import.meta.url)));
const fixtures = JSON.parse(new TextDecoder().decode(read("fixtures.json"))) as Readonly<Record<string, Fixture>>;

function arraysOf(family: string, { arrays }: Fixture) {
  const { buffer } = read(`${family}.bin`);
  return (name: string): { shape: readonly number[]; data: Float32Array | Float64Array } => {
    const { type, shape, offset } = arrays[name]!;
    const length = shape.reduce((a, b) => a * b, 1);
    return {
      shape,
      data:
        type === "f32"
          ? new Float32Array(buffer.slice(offset, offset + 4 * length))
          : new Float64Array(buffer.slice(offset, offset + 8 * length)),
    };
  };
}

describe("families of networks against JAX in float64", () => {
  test.each(Object.entries(fixtures))("%s", async (family, fixture) => {
    const arrayOf = arraysOf(family, fixture);
    using model = await (await sharedEngine()).load(read(`${family}.onnx`), { name: family });
    const [x, cotangent, tangent] = ["x", "cotangent", "tangent"].map((name) => arrayOf(name) as NdArray) as [NdArray, NdArray, NdArray];
    using logits = await model.forward(x);
    using vjp = await model.vjp(x, cotangent);
    using jvp = await model.jvp(x, tangent);
    using jacobian = await model.jacobian(x, { rows: `top${fixture.rows[0]!.length}` });

    const errors: string[] = [];
    for (const [name, tensor] of Object.entries({ logits, vjp, jvp, jacobian })) {
      const { shape, data } = await tensor.read();
      const expected = arrayOf(name);
      expect(shape, name).toEqual(expected.shape);
      const error = relativeError(data, expected.data);
      errors.push(`${name} ${error.toExponential(1)}`);
      expect(error, `${name}, relative l2`).toBeLessThan(name === "logits" ? FORWARD : DERIVATIVE);
    }
    console.log(`${family} against float64: ${errors.join(", ")}`);
  });
});
