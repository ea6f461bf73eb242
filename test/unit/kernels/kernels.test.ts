/** Every kernel's WGSL against wgsl_reflect: host and shader agree on bindings, on the uniform struct, and on constants. */
import { beforeAll, describe, expect, test, vi } from "vitest";
import { ResourceType, WgslReflect } from "wgsl_reflect/wgsl_reflect.module.js";
import type { StructInfo } from "wgsl_reflect";
import { defineKernel, packParams, pipelineKey, specialise } from "../../../src/runtime/gpu/kernel.ts";
import type { ConstantValue, Kernel } from "../../../src/runtime/gpu/kernel.ts";
import type { Launch } from "../../../src/runtime/plan/launch.ts";
import { encodeModel } from "../../reference/onnx-builder.ts";
import { allCases } from "../../gpu/ops/cases/all.ts";
import { build } from "../../gpu/ops/cases/build.ts";
import { convVariants, derivativePlans, gpu, halved, productVariants } from "../../gpu/ops/variant.ts";

const kernels = vi.hoisted(() => [] as Kernel[]);

vi.mock("../../../src/runtime/gpu/kernel.ts", async (importOriginal) => {
  const actual = await importOriginal<typeof import("../../../src/runtime/gpu/kernel.ts")>();
  return {
    ...actual,
    defineKernel: (name: string, ...sources: readonly string[]) => {
      const kernel = actual.defineKernel(name, ...sources);
      kernels.push(kernel);
      return kernel;
    },
  };
});

await (await import("../../../src/kernels/registry.ts")).loadRareOps();
await import("../../../src/algorithms/universal.ts");

/** The constants that a kernel's header says it is specialised by, with a value of the right type. */
function declaredConstants({ name, source }: Kernel): Record<string, ConstantValue> {
  const comment = source
    .split("\n")
    .filter((line) => line.startsWith("//"))
    .map((line) => line.slice(2).trim())
    .join("\n");
  // The first header is the kernel's own; linked files repeat theirs.
  const text = /specialised by\s+((?:const [^;]*;\s*)+)/.exec(comment)?.[1] ?? "";
  const constants: Record<string, ConstantValue> = {};
  for (const [, names, type] of text.matchAll(/const ([\w\s,]+):\s*(u32|bool)/g)) {
    for (const constant of names!.split(",")) constants[constant.trim()] = type === "bool" ? true : 64;
  }
  for (const [, constant] of source.matchAll(/specialised by\s+const (LANES): u32/g)) constants[constant!] ??= 64;
  if (Object.keys(constants).length === 0 && /LANES/.test(source)) throw new Error(`${name}: no constants in its header`);
  return constants;
}

const kinds = { [ResourceType.Uniform]: "uniform", [ResourceType.Storage]: "storage" } as Record<number, string>;
const WORD = 4;

const variants = [...new Map([...convVariants, ...productVariants, gpu].map((variant) => [variant.name, variant])).values()];

/** Plans of all op cases, with every choice of kernels and of how weights are stored. */
let launches: Map<string, Launch>;

beforeAll(() => {
  launches = new Map();
  for (const given of allCases) {
    const bytes = encodeModel(build(given).model);
    for (const variant of [...variants, ...variants.map(halved)]) {
      for (const plan of derivativePlans(bytes, variant, 3, 2)) {
        for (const launch of plan.launches) {
          packParams(launch.kernel, launch.params);
          launches.set(pipelineKey(launch.kernel, launch.constants), launch);
        }
      }
    }
  }
}, 120_000);

test("kernels are defined once under a name", () => {
  const names = kernels.map(({ name }) => name);
  expect(names.length).toBeGreaterThan(40);
  expect(new Set(names).size).toBe(names.length);
});

describe.each(kernels.map((kernel) => [kernel.name, kernel] as const))("%s", (_, kernel) => {
  const reflect = new WgslReflect(specialise(kernel, declaredConstants(kernel)));

  test("bindings are what the shader declares, in its order", () => {
    const declared = reflect
      .getBindGroups()
      .flat()
      .filter((variable) => variable)
      .map(({ name, binding, resourceType, access }) => ({
        name,
        index: binding,
        kind: kinds[resourceType] === "uniform" ? "uniform" : access.includes("write") ? "write" : "read",
      }))
      .sort((a, b) => a.index - b.index);
    expect(kernel.bindings).toEqual(declared);
  });

  test("the uniform struct has the shader's offsets and size", () => {
    const uniform = reflect.uniforms[0];
    if (!uniform) return expect(kernel.paramWords).toBe(0);
    const struct = uniform.type as StructInfo;
    expect(kernel.params.map(({ name, offset, words }) => ({ name, offset: offset * WORD, size: words * WORD }))).toEqual(
      struct.members.map(({ name, offset, size }) => ({ name, offset, size })),
    );
    expect(kernel.params.map(({ scalar }) => scalar[0])).toEqual(struct.members.map(({ type }) => scalarLetter(type)));
    expect(kernel.paramWords * WORD).toBeGreaterThanOrEqual(struct.size);
    expect(kernel.paramWords * WORD).toBeLessThan(struct.size + 16);
  });

  test("one entry point called main", () => {
    expect(reflect.entry.compute.map(({ name }) => name)).toEqual(["main"]);
  });
});

function scalarLetter(type: { readonly name: string; readonly format?: unknown }): string {
  const format = (type as { format?: { name: string; format?: unknown } | null }).format;
  if (format) return scalarLetter(format);
  return /^vec\d([iuf])$/.exec(type.name)?.[1] ?? type.name[0]!;
}

test("every specialised kernel of every plan parses", { timeout: 60_000 }, () => {
  for (const [key, { kernel, constants }] of launches) {
    const reflect = new WgslReflect(specialise(kernel, constants));
    expect(reflect.entry.compute.length, key).toBe(1);
  }
  expect(launches.size).toBeGreaterThan(100);
});

test("hosts give exactly the bindings and the constants that a kernel's header names", () => {
  for (const { kernel, constants, bindings } of launches.values()) {
    const needed = kernel.bindings.filter(({ kind }) => kind !== "uniform").map(({ name }) => name);
    expect(Object.keys(bindings).sort(), kernel.name).toEqual([...needed].sort());
    expect(Object.keys(constants).sort(), kernel.name).toEqual(Object.keys(declaredConstants(kernel)).sort());
  }
});

test("the cases reach every kernel of the families they are for", () => {
  const reached = new Set([...launches.values()].map(({ kernel }) => kernel.name));
  const families =
    /^(conv|matmul|sum_slices|average_pool|max_pool|reduce_(sum|mean)|strided_copy|mask|softmax|log_softmax|standardise|affine|(relu|clip|sigmoid|tanh|exp|log|neg)(_slope)?$|(add|sub|mul|div)$)/;
  const wanted = kernels.map(({ name }) => name).filter((name) => families.test(name));
  expect(wanted.length).toBeGreaterThan(30);
  expect(wanted.filter((name) => !reached.has(name))).toEqual([]);
});

test("what sources enable stands before all else, once, and their lines stay where they are", () => {
  const kernel = defineKernel(
    "enabling",
    "// a header\nfn main() {}",
    "enable f16;\nalias Weight = f16;",
    "enable subgroups, f16;\nfn rest() {}",
  );
  expect(kernel.enables).toEqual(["f16", "subgroups"]);
  expect(specialise(kernel, { LANES: 64 }).split("\n")).toEqual([
    "enable f16;",
    "enable subgroups;",
    "const LANES: u32 = 64u;",
    "// a header",
    "fn main() {}",
    "",
    "alias Weight = f16;",
    "",
    "fn rest() {}",
  ]);
});

describe("params", () => {
  const kernel = () => kernels.find(({ name }) => name === "mask")!;
  const values = { elements: 1, elements_per_copy: 2, rows: 3, low: -0.5, high: 0.5 };

  test("are packed at their offsets in their types", () => {
    const words = packParams(kernel(), values);
    expect([...words.subarray(0, 3)]).toEqual([1, 2, 3]);
    expect([...new Float32Array(words.buffer).subarray(3, 5)]).toEqual([-0.5, 0.5]);
  });

  test("are refused when one is missing, unknown, or of another length", () => {
    expect(() => packParams(kernel(), { ...values, rows: undefined as unknown as number })).toThrow("params.rows is not given");
    expect(() => packParams(kernel(), { ...values, colour: 1 })).toThrow("has no params.colour");
    expect(() => packParams(kernel(), { ...values, rows: [1, 2] })).toThrow("params.rows takes 1 words");
  });
});
