/**
 * Numbers at the ends of float32 through every op: NaN, infinities, zeros, a denormal and the largest number, one at a time among
 * ordinary numbers, on every kernel variant, against doubles.
 */
import { describe, expect, test } from "vitest";
import { pipelineKey } from "../../../src/runtime/gpu/kernel.ts";
import { Program } from "../../../src/runtime/plan/program.ts";
import { WeightStore } from "../../../src/runtime/plan/weights.ts";
import { Work } from "../../../src/runtime/gpu/work.ts";
import { sizeOf } from "../../../src/runtime/graph/graph.ts";
import { encodeModel } from "../../reference/onnx-builder.ts";
import { allCases } from "./cases/all.ts";
import { gpuContext } from "./derivative-program.ts";
import { bare, numbersFor, planted, reference, sizeOfInput, SPECIALS, wrongness } from "./not-finite.ts";
import type { BareCase } from "./not-finite.ts";
import { convVariants, forced, gpu, loadedGraph, planOf, productVariants, software } from "./variant.ts";
import type { Variant } from "./variant.ts";

const VARIANTS: Readonly<Record<string, readonly Variant[]>> = {
  Conv: convVariants,
  ConvTranspose: convVariants,
  MatMul: productVariants,
  Gemm: productVariants,
};
const others = [software, gpu, ...["tiled", "direct"].map(forced)];

const names = Object.keys(SPECIALS);

/** The output of each sample on a variant: feeds by name, [N, ...]. */
async function outputs(bytes: Uint8Array, variant: Variant, feeds: Readonly<Record<string, Float32Array>>, samples: number) {
  const context = await gpuContext();
  const graph = loadedGraph(bytes);
  const plan = planOf(graph, variant, samples, 1, context.facts, context.device.limits);
  const weights = new WeightStore(context, "test");
  const program = await Program.compile(plan, context, weights, "test");
  try {
    for (const input of graph.inputs)
      context.device.queue.writeBuffer(program.port(input), 0, feeds[input.name]! as Float32Array<ArrayBuffer>);
    new Work(context).submit("test", (encoder) => {
      const pass = encoder.beginComputePass();
      program.encode(pass, samples);
      pass.end();
    });
    const [output] = graph.outputs;
    return new Float32Array(await new Work(context).read(program.port(output!), 0, samples * sizeOf(output!.shape) * 4));
  } finally {
    program.dispose();
    weights.dispose();
  }
}

/** What is wrong with a case on a variant, in words. */
async function faults(given: BareCase, variant: Variant): Promise<string[]> {
  const bytes = encodeModel(given.model);
  const plain = numbersFor(given);
  const found: string[] = [];
  for (const { name } of given.model.inputs) {
    const at = Math.floor(sizeOfInput(given, name) / 2);
    const samples = names.map((special) => ({ ...plain, [name]: planted(plain[name]!, at, SPECIALS[special]!) }));
    const feeds = Object.fromEntries(
      given.model.inputs.map((input) => {
        const joined = new Float32Array(samples.length * sizeOfInput(given, input.name));
        samples.forEach((sample, s) => joined.set(sample[input.name]!, s * sizeOfInput(given, input.name)));
        return [input.name, joined];
      }),
    );
    const all = await outputs(bytes, variant, feeds, samples.length);
    samples.forEach((sample, s) => {
      const accepted = [true, false].map((rounded) => reference(given.model, sample, rounded));
      // Arithmetic may take a denormal number for zero.
      if (names[s] === "denormal") accepted.push(reference(given.model, { ...sample, [name]: planted(plain[name]!, at, 0) }, true));
      const { data } = accepted[0]!;
      const own = all.subarray(s * data.length, (s + 1) * data.length);
      const wrong = Array.from(own, (value, i) => {
        // A tile's 36 pixels are mixed before they are weighed: what is not finite in one of them spoils its 16 outputs.
        if (variant.mixesTiles && !Number.isFinite(value) && !(Math.abs(SPECIALS[names[s]!]!) < 1)) return [];
        const why = accepted.map((each) => wrongness(value, each.data[i]!, each.bound[i]!));
        return why.every((each) => each) ? [`element ${i} ${[...new Set(why)].join(" or ")}`] : [];
      }).flat();
      if (wrong.length > 0) found.push(`${names[s]} at ${name}[${at}]: ${wrong.length} of ${data.length}: ${wrong.slice(0, 3).join("; ")}`);
    });
  }
  return found;
}

/** The variants that run other kernels for a case than those before them. */
function distinct({ model }: BareCase, variants: readonly Variant[]): readonly Variant[] {
  const graph = loadedGraph(encodeModel(model));
  const seen = new Set<string>();
  return variants.filter((variant) => {
    const { launches } = planOf(graph, variant, names.length, 1);
    const fresh = launches.map(({ kernel, constants }) => pipelineKey(kernel, constants)).filter((key) => !seen.has(key));
    fresh.forEach((key) => seen.add(key));
    return fresh.length > 0;
  });
}

const byOp = new Map<string, { readonly given: BareCase; readonly variants: readonly Variant[] }[]>();
for (const given of allCases.map(bare)) {
  const own = { given, variants: distinct(given, VARIANTS[given.op] ?? others) };
  byOp.set(given.op, [...(byOp.get(given.op) ?? []), own]);
}

// What only gives a value another shape launches nothing.
const withKernels = [...byOp].filter(([, own]) => own.some(({ variants }) => variants.length > 0));

describe.each(withKernels)("%s", (op, own) => {
  for (const variant of VARIANTS[op] ?? others) {
    const cases = own.filter(({ variants }) => variants.includes(variant));
    if (cases.length === 0) continue;
    test(variant.name, async () => {
      const found: string[] = [];
      for (const { given } of cases) for (const fault of await faults(given, variant)) found.push(`${given.name}: ${fault}`);
      expect(found).toEqual([]);
    });
  }
});
