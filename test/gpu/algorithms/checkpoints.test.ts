/** Runs that go on from a checkpoint: the same bits as without interruption, and refusals where it is of another run. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ArgumentError, decodeCheckpoint, encodeCheckpoint, universalPerturbation } from "../../../src/index.ts";
import type { Model, NdArray, UniversalOptions, UniversalResult, UniversalState } from "../../../src/index.ts";
import { sharedEngine } from "../engine.ts";
import { randomArray } from "../numbers.ts";
import { affine, load } from "./closed-forms.ts";

const weights = Array.from({ length: 5 }, (_, k) => Array.from({ length: 9 }, (_, d) => Math.sin(5 * k + 3 * d + 2)));
const fiveClasses = affine(weights, [0.1, 0, -0.1, 0.2, 0]);

const loadLenet = async (options = {}): Promise<Model> =>
  (await sharedEngine()).load(readFileSync("models/lenet.onnx"), { name: "lenet", ...options });

/** What a result is, without its times. */
const numbersOf = ({ perturbation, foolingRate, reachedTarget, passes }: UniversalResult) => ({
  v: [...new Uint32Array(perturbation.data.buffer)],
  foolingRate,
  reachedTarget,
  passes: passes.map(({ seconds, ...pass }) => pass),
});

/** A run that keeps every state there is, through their bytes. */
async function keepingStates(model: Model, images: NdArray, options: UniversalOptions) {
  const files: Uint8Array[] = [];
  const save = async (state: UniversalState) => void files.push(await encodeCheckpoint(state));
  const result = await universalPerturbation(model, images, { ...options, checkpoint: { every: 0, save } });
  const states = await Promise.all(files.map((bytes) => decodeCheckpoint<UniversalState>(bytes)));
  return { states, result };
}

interface Case {
  readonly name: string;
  readonly load: () => Promise<Model>;
  readonly images: NdArray;
  readonly options: UniversalOptions;
  /** One of so many states is resumed from. */
  readonly stride: number;
}

const cases: readonly Case[] = [
  {
    name: "affine, l∞, several passes, held-out images",
    load: () => load(fiveClasses),
    images: randomArray([61, 9], 5),
    options: { radius: 0.3, maxPasses: 4, targetFoolingRate: 1, seed: 3, batch: 8, validation: randomArray([7, 9], 6) },
    stride: 1,
  },
  {
    name: "affine, l2, one image at a time",
    load: () => load(fiveClasses),
    images: randomArray([23, 9], 7),
    options: { norm: 2, radius: 0.8, maxPasses: 3, targetFoolingRate: 1, batch: 1, rule: "overshoot-stop" },
    stride: 2,
  },
  {
    name: "LeNet on noise, l∞",
    load: loadLenet,
    images: randomArray([40, 1, 28, 28], 8),
    options: { radius: 0.2, maxPasses: 2, targetFoolingRate: 1, seed: 1 },
    stride: 3,
  },
];

describe("a resumed run ends in the same bits", () => {
  for (const { name, load, images, options, stride } of cases) {
    test(name, async () => {
      using model = await load();
      const expected = numbersOf(await universalPerturbation(model, images, options));
      const { states, result } = await keepingStates(model, images, options);
      expect(numbersOf(result)).toEqual(expected);
      expect(states.some(({ visited }) => visited > 0)).toBe(true);
      expect(states.some(({ passes }) => passes.length > 0)).toBe(true);
      for (let i = 0; i < states.length; i += stride) {
        const resumed = await universalPerturbation(model, images, { ...options, resume: states[i]! });
        expect(numbersOf(resumed), `from state ${i} of ${states.length}`).toEqual(expected);
      }
    });
  }
});

const images = randomArray([61, 9], 9);
const options = { radius: 0.3, maxPasses: 3, targetFoolingRate: 1, batch: 1 } satisfies UniversalOptions;

let middle: Promise<UniversalState> | undefined;

/**
 * A state from the middle of a pass; made once. Whatever the adapter and its speed: a tick visits an image at most, states are taken
 * behind 32 ticks at first, and saving at once leaves none out.
 */
async function middleState(model: Model): Promise<UniversalState> {
  middle ??= (async () => {
    const states: UniversalState[] = [];
    await universalPerturbation(model, images, { ...options, checkpoint: { every: 0, save: (state) => void states.push(state) } });
    return states.find(({ visited, passes }) => visited > 0 && visited < images.shape[0]! && passes.length > 0)!;
  })();
  return structuredClone(await middle);
}

test("the number of images looked at together may change: it changes nothing of the result", async () => {
  using model = await load(fiveClasses);
  const expected = numbersOf(await universalPerturbation(model, images, options));
  for (const batch of [1, 3, 32]) {
    const resumed = await universalPerturbation(model, images, { ...options, batch, resume: await middleState(model) });
    expect(numbersOf(resumed), `batch ${batch}`).toEqual(expected);
  }
});

test("a state is taken when the call is made", async () => {
  using model = await load(fiveClasses);
  const expected = numbersOf(await universalPerturbation(model, images, options));
  const state = await middleState(model);
  const resumed = universalPerturbation(model, images, { ...options, resume: state });
  for (const array of [state.v, state.best, state.labels, state.validationLabels]) array.fill(0);
  (state.passes as unknown[]).length = 0;
  expect(numbersOf(await resumed)).toEqual(expected);
});

describe("a checkpoint of another run is refused by naming the difference", () => {
  const others: { name: string; message: string; call?: Partial<UniversalOptions>; images?: NdArray; load?: () => Promise<Model> }[] = [
    { name: "radius", call: { radius: 0.2 }, message: "resume: the checkpoint was made with radius 0.3, this call has 0.2" },
    { name: "norm", call: { norm: 2 }, message: "resume: the checkpoint was made with norm Infinity, this call has 2" },
    { name: "seed", call: { seed: 1 }, message: "resume: the checkpoint was made with seed 0, this call has 1" },
    { name: "a default", call: { overshoot: 0.1 }, message: "resume: the checkpoint was made with overshoot 0.02, this call has 0.1" },
    { name: "held-out images", call: { validation: randomArray([2, 9], 1) }, message: 'made with validation "none", this call has "' },
    { name: "images", images: randomArray([61, 9], 10), message: 'in another order (hash "' },
    { name: "images in another order", images: { ...images, data: images.data.slice().reverse() }, message: "in another order" },
    { name: "fewer images", images: randomArray([60, 9], 9), message: "resume: the checkpoint was made with other images" },
    {
      name: "weights of the model",
      load: () => load(affine(weights, [0.1, 0, -0.1, 0.2, 0.001])),
      message: 'resume: the checkpoint was made with another model, or other dimensions of this one (hash "',
    },
  ];
  test("options, images and models", async () => {
    using model = await load(fiveClasses);
    for (const other of others) {
      const called = other.load ? await other.load() : model;
      const error: unknown = await universalPerturbation(called, other.images ?? images, {
        ...options,
        ...other.call,
        resume: await middleState(model),
      }).catch((reason: unknown) => reason);
      expect(error, other.name).toBeInstanceOf(ArgumentError);
      expect((error as ArgumentError).message).toContain(other.message);
      if (called !== model) called.dispose();
    }
  });

  const long = (std: number) => ({ mean: [1.2345678901234567e-7], std: [std], layout: "NCHW" as const });
  for (const [name, then, now, message] of [
    ["preprocessing", {}, { preprocessing: { mean: [0.5], std: [0.5], layout: "NCHW" } }, 'with preprocessing "none", this call has "{'],
    ["another mean", { preprocessing: { mean: [0.5], std: [1], layout: "NCHW" } }, {}, 'preprocessing "{\\"mean'],
    [
      "a number at the end of a long one",
      { preprocessing: long(1.2345678901234567e-7) },
      { preprocessing: long(1.2345678901234567e-8) },
      "1.2345678901234567e-8",
    ],
    ["a transform without effect", { preprocessing: { mean: [0], std: [1], layout: "NCHW" } }, {}, 'preprocessing "{\\"mean'],
  ] as const) {
    test(name, async () => {
      using before = await loadLenet(then);
      using after = await loadLenet(now);
      const digits = randomArray([4, 1, 28, 28], 3);
      const { states } = await keepingStates(before, digits, { radius: 0.1, maxPasses: 1 });
      await expect(universalPerturbation(after, digits, { radius: 0.1, maxPasses: 1, resume: states[0]! })).rejects.toThrow(message);
    });
  }
});

describe("a state that is not one is refused by field", () => {
  const damages: [string, unknown, string][] = [
    ["version", 2, 'resume: "version" is 2, expected 1'],
    ["method", "deepfool", 'resume: the checkpoint was made with method "deepfool", this call has "universal"'],
    ["model", undefined, 'resume: "model" is undefined, expected an object'],
    ["options", 3, 'resume: "options" is 3, expected an object'],
    ["visited", 62, 'resume: "visited" is 62, expected an integer from 0 to 61'],
    ["visited", -1, 'resume: "visited" is -1, expected an integer from 0 to 61'],
    ["updates", 62, 'resume: "updates" is 62, expected an integer from 0 to 61'],
    ["visited", 0, "expected an integer from 0 to 0"],
    ["givenUp", Number.NaN, 'resume: "givenUp" is NaN, expected an integer'],
    ["v", new Float32Array(8), 'resume: "v" is a Float32Array, expected a Float32Array of 9 finite numbers'],
    ["v", new Float32Array(9).fill(Number.NaN), 'resume: "v" is a Float32Array, expected a Float32Array of 9 finite numbers'],
    ["best", [0, 0], 'resume: "best" is [0, 0], expected a Float32Array of 9 finite numbers'],
    ["bestRate", 2, 'resume: "bestRate" is 2, expected a number in [0, 1]'],
    ["labels", new Uint32Array(61).fill(5), 'resume: "labels" is a Uint32Array, expected a Uint32Array of 61 labels below 5'],
    ["passes", [{}, {}, {}, {}], 'resume: "passes" is an Array, expected a list of at most 3 passes'],
    ["passes", [{}], 'resume, pass 1: "pass" is undefined, expected 1'],
    ["passes", [null], 'resume, pass 1: "state" is null, expected an object'],
    ["seconds", Number.POSITIVE_INFINITY, 'resume: "seconds" is Infinity, expected a finite number of at least 0'],
  ];
  test("each", async () => {
    using model = await load(fiveClasses);
    for (const [field, value, message] of damages) {
      const resume = { ...(await middleState(model)), [field]: value };
      const error: unknown = await universalPerturbation(model, images, { ...options, resume }).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ArgumentError);
      expect((error as ArgumentError).message).toContain(message);
    }
  });
  test("a number", async () => {
    using model = await load(fiveClasses);
    await expect(universalPerturbation(model, images, { ...options, resume: 3 as never })).rejects.toThrow(ArgumentError);
  });
});

describe("saving", () => {
  for (const [how, save] of [
    [
      "throws",
      () => {
        throw new RangeError("no room");
      },
    ],
    ["rejects", () => Promise.reject(new RangeError("no room"))],
  ] as const) {
    test(`what save ${how} ends the run`, async () => {
      using model = await load(fiveClasses);
      let calls = 0;
      const counted = () => (calls++, save());
      await expect(universalPerturbation(model, images, { ...options, checkpoint: { every: 0, save: counted } })).rejects.toThrow(
        "no room",
      );
      expect(calls).toBe(1);
    });
  }

  test("one state at a time, and none under way when the run is done", async () => {
    using model = await load(fiveClasses);
    let [running, most, saved] = [0, 0, 0];
    const save = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      running--;
      saved++;
    };
    await universalPerturbation(model, images, { ...options, checkpoint: { every: 0, save } });
    expect({ running, most }).toEqual({ running: 0, most: 1 });
    expect(saved).toBeGreaterThanOrEqual(options.maxPasses);
  });

  test("by default only at the end of each pass, where passes take less than ten seconds", async () => {
    using model = await load(fiveClasses);
    const states: UniversalState[] = [];
    const { passes } = await universalPerturbation(model, images, { ...options, checkpoint: { save: (state) => void states.push(state) } });
    expect(states.map((state) => [state.passes.length, state.visited])).toEqual(passes.map((_, i) => [i + 1, 0]));
  });

  test("the best v so far is in the state, and is what a complete run returns", async () => {
    using model = await load(fiveClasses);
    const { states, result } = await keepingStates(model, images, options);
    const last = states.at(-1)!;
    expect([...last.best]).toEqual([...result.perturbation.data]);
    expect(last.bestRate).toBe(Math.max(...last.passes.map(({ foolingRate }) => foolingRate)));
    // Nothing is left to do, and the result is complete.
    expect(numbersOf(await universalPerturbation(model, images, { ...options, resume: last }))).toEqual(numbersOf(result));
  });

  test("progress goes on where it was", async () => {
    using model = await load(fiveClasses);
    const state = { ...(await middleState(model)), seconds: 1000, passSeconds: 500 };
    const seen: [number, number, number][] = [];
    const result = await universalPerturbation(model, images, {
      ...options,
      resume: state,
      onProgress: (p) => seen.push([p.pass, p.seen, p.secondsLeft]),
    });
    const pass = state.passes.length + 1;
    expect(result.passes[pass - 1]!.seconds).toBeGreaterThan(500);
    expect(result.seconds).toBeGreaterThan(1000);
    const [at, first, left] = seen[0]!;
    expect(at).toBe(pass);
    expect(first).toBeGreaterThanOrEqual(state.visited);
    expect(left).toBeCloseTo(((images.shape[0]! - first) * 500) / first, -2);
  });

  test("after an abort the last state serves", async () => {
    using model = await load(fiveClasses);
    const expected = numbersOf(await universalPerturbation(model, images, options));
    const abort = new AbortController();
    let last: UniversalState | undefined;
    const save = (state: UniversalState) => {
      last = state;
      if (state.passes.length === 1) abort.abort();
    };
    await expect(
      universalPerturbation(model, images, { ...options, checkpoint: { every: 0, save }, signal: abort.signal }),
    ).rejects.toThrow("abort");
    expect(numbersOf(await universalPerturbation(model, images, { ...options, resume: last! }))).toEqual(expected);
  });
});
