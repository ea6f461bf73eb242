/** Losses of the device in a page, at every phase of the library's work; and a loss that comes from outside. */
import type * as Nudge from "../../src/index.ts";
import { images, scattered, type Inputs } from "./computation.ts";

type Surface = typeof Nudge;

export interface Loss {
  readonly phase: string;
  /** How the call under way ended: "finished", or the error's name. */
  readonly outcome: string;
  /** What engine.lost resolved to. */
  readonly lost: string;
  /** The error of the next call before recover(). */
  readonly next: string;
  /** Whether the model that was there before gives the same bits afterwards. */
  readonly same: boolean;
}

const ending = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "finished",
    (error: Error) => error.name,
  );

async function numbers(tensor: Promise<Nudge.Tensor>): Promise<string> {
  const made = await tensor;
  const { data } = await made.read();
  made.dispose();
  return [...data].join();
}

/** Loses the device of an engine in the middle of each kind of work, recovers, and goes on with the same model. */
export async function losses({ createEngine, deepfool, universalPerturbation }: Surface, inputs: Inputs): Promise<Loss[]> {
  const engine = await createEngine();
  const model = await engine.load(inputs.model);
  const one = images(inputs, 0, 1);
  const expected = await numbers(model.forward(one));
  const some = images(inputs, 0, 16);
  const phases: Record<string, () => Promise<unknown>> = {
    load: () => engine.load(inputs.model),
    compile: async () => numbers((await engine.load(inputs.model)).jacobian(one, { rows: [0, 1] })),
    run: () => numbers(model.vjp(some, scattered([16, 10]))),
    "attack loop": () => deepfool(model, some),
    universal: () => universalPerturbation(model, some, { norm: Infinity, radius: 0.3, maxPasses: 3, targetFoolingRate: 1 }),
  };
  const found: Loss[] = [];
  const lose = async (phase: string, work: Promise<unknown>, after: number) => {
    const { lost } = engine;
    const outcome = ending(work);
    if (after > 0) await new Promise((resolve) => setTimeout(resolve, after));
    engine.device.destroy();
    const [how, reason, next] = [await outcome, (await lost).name, await ending(model.forward(one))];
    await engine.recover();
    found.push({ phase, outcome: how, lost: reason, next, same: (await numbers(model.forward(one))) === expected });
  };
  for (const [phase, work] of Object.entries(phases)) for (const after of [0, 5]) await lose(phase, work(), after);
  const tensor = await model.forward(one);
  await lose("read-back", tensor.read(), 0);
  engine.dispose();
  return found;
}

/** Works until the GPU's process dies, and goes on after recover(). `ready` is called once there is something to lose. */
export async function crash({ createEngine }: Surface, inputs: Inputs, ready: () => void) {
  const engine = await createEngine();
  const model = await engine.load(inputs.model);
  const one = images(inputs, 0, 1);
  const expected = await numbers(model.forward(one));
  const { lost } = engine;
  ready();
  let outcome = "finished";
  while (outcome === "finished") outcome = await ending(numbers(model.jacobian(images(inputs, 0, 16), { rows: "all" })));
  const { name } = await lost;
  // Chrome starts the process anew, which takes a moment.
  let recovered = "AdapterError";
  for (let tries = 0; tries < 50 && recovered === "AdapterError"; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    recovered = await ending(engine.recover());
  }
  const same = recovered === "finished" && (await numbers(model.forward(one))) === expected;
  engine.dispose();
  return { outcome, lost: name, recovered, same };
}
