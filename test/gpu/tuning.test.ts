/** Tuning: every variant it may choose runs and agrees, what it returns is honoured, and a table that does not fit is not. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { ArgumentError, deepfool } from "../../src/index.ts";
import type { Engine, Model, NdArray, Tensor, TuningTable } from "../../src/index.ts";
import { tune } from "../../src/tune.ts";
import type { TuneProgress } from "../../src/tune.ts";
import type { NodeSite } from "../../src/runtime/plan/plan.ts";
import { Stopwatch } from "../../src/tuning/stopwatch.ts";
import { agree, Trial } from "../../src/tuning/trial.ts";
import { sharedEngine } from "./engine.ts";
import { randomArray, relativeError } from "./numbers.ts";

const bytesOf = (path: string) => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));
const lenet = bytesOf("models/lenet.onnx");
const SAMPLES = 2;
const x = randomArray([SAMPLES, 1, 28, 28], 1, 0, 1);
const cotangent = randomArray([SAMPLES, 10], 2);

let engine: Engine;
let plain: Model;

beforeAll(async () => {
  engine = await sharedEngine();
  plain = await engine.load(lenet);
});

/** Sites of the forward pass and of the adjoint with nine rows, as DeepFool runs it. */
function sitesOf(model: Model): NodeSite[] {
  const run = model.planOf({ kind: "run", samples: SAMPLES, rows: 1 });
  const attack = model.planOf({ kind: "vjp", samples: SAMPLES, rows: 9, output: "logits" });
  return [...run.sites, ...attack.sites];
}

/** A table that takes, for every site, a legal variant that is not the planner's own where there is one. */
async function contrary(model: Model): Promise<TuningTable> {
  const choices = sitesOf(model).map(({ signature, legal, usual }) => [signature, legal.find((name) => name !== usual) ?? usual]);
  return { ...(await model.emptyTuning()), choices: Object.fromEntries(choices) as Record<string, string> };
}

/** Names of the kernels that DeepFool's program runs for so many samples. */
async function kernelsOf(model: Model): Promise<string[]> {
  const { program } = await model.attackProgram(SAMPLES, 9);
  return program.plan.launches.map(({ kernel }) => kernel.name);
}

async function numbers(tensor: Promise<Tensor>): Promise<NdArray["data"]> {
  using made = await tensor;
  return (await made.read()).data;
}

async function answersOf(model: Model): Promise<Record<string, NdArray["data"]>> {
  return {
    forward: await numbers(model.forward(x)),
    vjp: await numbers(model.vjp(x, cotangent)),
    jvp: await numbers(model.jvp(x, x)),
    jacobian: await numbers(model.jacobian(x, { rows: "all" })),
    deepfool: (await deepfool(model, x)).perturbations.data,
  };
}

async function expectSameAnswers(model: Model): Promise<void> {
  const [found, expected] = [await answersOf(model), await answersOf(plain)];
  for (const [name, data] of Object.entries(expected)) expect(relativeError(found[name]!, data), name).toBeLessThan(1e-4);
}

describe.each(["models/lenet.onnx", "test/fixtures/separable.onnx", "test/fixtures/transformer.onnx"])(
  "every legal variant of %s",
  (path) => {
    test("runs, and computes what the planner's own does", async () => {
      using model = await engine.load(bytesOf(path));
      const stopwatch = new Stopwatch(model.context);
      let compared = 0;
      const outputs = async (plan: Parameters<typeof Trial.make>[1], site: NodeSite, variant: string) => {
        const trial = await Trial.make(model, plan, site, variant);
        await stopwatch.lap(trial.all, 1);
        const found = await trial.outputs();
        trial.dispose();
        return found;
      };
      for (const kind of ["run", "vjp"] as const) {
        const plan = model.planOf({ kind, samples: SAMPLES, rows: kind === "run" ? 1 : 3 });
        const sites = new Map(plan.sites.map((site) => [site.signature, site]));
        for (const site of sites.values()) {
          expect(site.legal).toContain(site.usual);
          const expected = await outputs(plan, site, site.usual);
          expect(expected.some((array) => array.some((value) => value !== 0))).toBe(true);
          for (const variant of site.legal) {
            if (variant === site.usual) continue;
            expect(agree(await outputs(plan, site, variant), expected), `${site.signature}: ${variant}`).toBe(true);
            compared++;
          }
        }
      }
      stopwatch.dispose();
      expect(compared).toBeGreaterThan(2);
    });
  },
);

describe("a tuned model", () => {
  test("answers as before, by a table that survives JSON", async () => {
    const reports: TuneProgress[] = [];
    const table = await tune(plain, { samples: [SAMPLES], rows: [9], budgetMs: 20_000, onProgress: (report) => reports.push(report) });
    expect(reports.map(({ done }) => done)).toEqual(reports.map((_, i) => i + 1));
    expect(Object.keys(table.choices).length).toBeGreaterThan(0);
    for (const { signature, usual, chosen, micros } of reports) {
      expect(table.choices[signature] ?? usual).toBe(chosen);
      if (signature in table.choices) for (const variant of [usual, chosen]) expect(micros[variant]).toBeGreaterThan(0);
    }
    using tuned = await engine.load(lenet, { tuning: JSON.parse(JSON.stringify(table)) as TuningTable });
    expect(tuned.tuning).toEqual({ used: true, choices: Object.keys(table.choices).length });
    await expectSameAnswers(tuned);
  });

  test("runs the table's kernels, slow as they may be", async () => {
    const tuning = await contrary(plain);
    using tuned = await engine.load(lenet, { tuning });
    const [before, after] = [await kernelsOf(plain), await kernelsOf(tuned)];
    expect(after).toHaveLength(before.length);
    for (const [i, name] of before.entries()) {
      if (/^(conv|matmul|reduce|softmax)/.test(name)) expect(after[i]).not.toBe(name);
      else expect(after[i]).toBe(name);
    }
    await expectSameAnswers(tuned);
  });

  test("is not made of a model that was tuned: tuning starts from the planners' own choices", async () => {
    using tuned = await engine.load(lenet, { tuning: await contrary(plain) });
    expect(sitesOf(tuned)).toEqual(sitesOf(plain).map((site) => ({ ...site, node: expect.anything() as unknown })));
  });
});

describe("a table that does not fit", () => {
  test.each<[string, (table: TuningTable) => unknown, string]>([
    ["of another adapter", (table) => ({ ...table, adapter: "other" }), 'it was measured on another adapter, "other"'],
    ["of another version", (table) => ({ ...table, version: 0 }), "its version is 0"],
    ["of other kernels", (table) => ({ ...table, kernels: "00000000" }), "kernels have changed"],
    ["without choices", ({ choices: _, ...table }) => table, "it is not a tuning table"],
    ["that is a list", () => [1], "it is not a tuning table"],
    ["that is a text", () => "fast", "it is not a tuning table"],
  ])("%s is ignored, and the model says so", async (_, spoil, reason) => {
    using model = await engine.load(lenet, { tuning: spoil(await contrary(plain)) as TuningTable });
    expect(model.tuning).toMatchObject({ used: false, choices: 0, reason: expect.stringContaining(reason) as string });
    expect(await kernelsOf(model)).toEqual(await kernelsOf(plain));
  });

  test("choices that are not legal, or are no names, leave the planner's own", async () => {
    const nonsense = ["winograd", "depthwise", "", 3, null, {}];
    const choices = sitesOf(plain).map(({ signature }, i) => [signature, nonsense[i % nonsense.length]] as const);
    const tuning = { ...(await plain.emptyTuning()), choices: Object.fromEntries(choices) as Record<string, string> };
    using model = await engine.load(lenet, { tuning });
    expect(await kernelsOf(model)).toEqual(await kernelsOf(plain));
    expect(await numbers(model.forward(x))).toEqual(await numbers(plain.forward(x)));
  });

  test("no table: nothing to say", () => {
    expect(plain.tuning).toBeUndefined();
  });
});

describe("tune", () => {
  test("stops at the signal, and gives its memory back", async () => {
    const controller = new AbortController();
    const { buffers } = engine.memory();
    const tuning = tune(plain, { samples: [1], signal: controller.signal, onProgress: () => controller.abort(new Error("enough")) });
    await expect(tuning).rejects.toThrow("enough");
    expect(engine.memory().buffers).toBe(buffers);
  });

  test("without time, measures nothing", async () => {
    expect(await tune(plain, { budgetMs: 0 })).toEqual(await plain.emptyTuning());
  });

  test("refuses what is no model", async () => {
    await expect(tune(undefined as never)).rejects.toThrow("tune: the model is undefined");
  });

  test.each([{ samples: [0] }, { samples: [1.5] }, { samples: [] }, { rows: [0] }, { budgetMs: -1 }, { budgetMs: NaN }, { budget: 3 }])(
    "refuses %o",
    async (options) => {
      await expect(tune(plain, options)).rejects.toThrow(ArgumentError);
    },
  );
});
