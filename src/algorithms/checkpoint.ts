/** Checkpoints of long runs: when they are taken and kept, and whether a run may go on from one. */
import { callback, checkField, checkOptions, display, nonNegative, object, oneOf, text } from "../options/fields.ts";
import type { Field } from "../options/fields.ts";
import { ArgumentError } from "../runtime/errors.ts";
import type { ModelIdentity } from "../runtime/identity.ts";

/** Where a run keeps its states, so that another run can go on from the last. */
export interface CheckpointOptions<State> {
  /** Seconds from one state to the next; default 10, or 100 times as long as the last one took where that is longer. */
  readonly every?: number;
  /**
   * Keeps a state, which is plain data that structuredClone and encodeCheckpoint take, and which the run does not change
   * afterwards. Called while the run goes on, and not again before the promise it returns has settled. What it throws or rejects
   * with ends the run.
   */
  readonly save: (state: State) => void | Promise<void>;
}

/** What every state tells about the run that it is of. */
export interface RunState {
  readonly version: number;
  readonly method: string;
  readonly model: ModelIdentity;
  /** Options that the result depends on, after defaults. */
  readonly options: Readonly<Record<string, number | string>>;
  /** Hash of the images' numbers. */
  readonly images: string;
}

const checkpointFields = { every: nonNegative, save: callback };

/** Throws ArgumentError. `of` names the function that has the option. */
export function checkCheckpoint<State>(of: string, options: CheckpointOptions<State> | undefined): void {
  if (options === undefined) return;
  checkOptions<CheckpointOptions<State>>(`${of}, checkpoint`, checkpointFields, options);
  checkField(`${of}, checkpoint`, "save", callback, options.save);
}

/** Of what states hold. */
export const STATE_VERSION = 1;

const SECONDS_BETWEEN = 10;
/** Saving is to take no more than a hundredth of the time. */
const LEAST_SECONDS_FOR_A_SAVE = 100;

/** Saves states, one at a time, while the run that they are of goes on. */
export class Saver<State> {
  private saving: Promise<void> | undefined;
  private taking: Promise<unknown> | undefined;
  private failure: { readonly error: unknown } | undefined;
  private last = performance.now();
  private took = 0;

  constructor(private readonly options: CheckpointOptions<State> | undefined) {}

  /** Whether a state should be taken now. Throws what saving the one before threw. */
  get due(): boolean {
    if (this.failure) throw this.failure.error;
    if (!this.options || this.saving) return false;
    const wait = this.options.every ?? Math.max(SECONDS_BETWEEN, LEAST_SECONDS_FOR_A_SAVE * this.took);
    return (performance.now() - this.last) / 1000 >= wait;
  }

  /** Takes a state and saves it, in the background. What goes wrong is thrown by what is called next. */
  start(take: () => State | Promise<State>): void {
    if (!this.options) return;
    const { save } = this.options;
    this.last = performance.now();
    const taken = (async () => take())();
    this.taking = taken.catch(() => undefined);
    this.saving = taken
      .then(save)
      .catch((error: unknown) => {
        this.failure ??= { error };
      })
      .then(() => {
        this.took = (performance.now() - this.last) / 1000;
        this.saving = undefined;
      });
  }

  /** Waits for the state under way, if there is one, to be saved. Throws what saving threw. */
  async settled(): Promise<void> {
    await this.saving;
    if (this.failure) throw this.failure.error;
  }

  /** Waits until the run's memory is no longer read for a state. Never rejects. */
  async taken(): Promise<void> {
    await this.taking;
  }
}

const runFields = { version: oneOf([STATE_VERSION]), method: text, images: text, model: object, options: object };
const identityFields = { preprocessing: text, weights: text, tuning: text, hash: text };

/** Checks an object's fields by name. Throws ArgumentError. */
export function checkFields(of: string, fields: Readonly<Record<string, Field>>, value: unknown): void {
  checkField(of, "state", object, value);
  for (const [name, field] of Object.entries(fields)) checkField(of, name, field, (value as Record<string, unknown>)[name]);
}

/** Of texts that may differ at their end only, such as a preprocessing, up to a length that no honest one has. */
const whole = (value: unknown) => (typeof value === "string" && value.length <= MOST_SHOWN ? JSON.stringify(value) : display(value));
const MOST_SHOWN = 2000;

/** Checks that a state is of this run: the same method, model, options and images. Throws ArgumentError that names what differs. */
export function checkSameRun(state: RunState, run: RunState): void {
  checkFields("resume", runFields, state);
  checkFields("resume, model", identityFields, state.model);
  const differ = (what: string, then: unknown, now: unknown) => {
    if (!Object.is(then, now))
      throw new ArgumentError(`resume: the checkpoint was made with ${what} ${whole(then)}, this call has ${whole(now)}`);
  };
  differ("method", state.method, run.method);
  for (const [name, value] of Object.entries(run.options)) differ(name, state.options[name], value);
  for (const name of ["preprocessing", "weights", "tuning"] as const) differ(name, state.model[name], run.model[name]);
  const same = (what: string, then: string, now: string) => {
    if (then !== now)
      throw new ArgumentError(`resume: the checkpoint was made with ${what} (hash ${whole(then)}, this call has ${whole(now)})`);
  };
  same("another model, or other dimensions of this one", state.model.hash, run.model.hash);
  same("other images, or with the same in another order", state.images, run.images);
}
