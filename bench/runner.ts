/**
 * Measures one row: every contestant answers first, answers are compared with Nudge's, and only equal ones are timed, in
 * turns A B C A B C, until each has enough samples or has used up its time.
 */
import type { ChromeAdapter } from "../test/browser/chrome.ts";
import { difference, inFewWords, type Cell, type Cells } from "./compare.ts";
import { contestants, NUDGE, type ContestantEntry } from "./contestants.ts";
import type { BenchModel } from "./models.ts";
import type { Timing } from "./page/host.ts";
import { ContestantPage, SlowError } from "./pages.ts";
import type { Row } from "./rows.ts";
import type { BenchServer } from "./server.ts";
import { summarise } from "./statistics.ts";

export interface Budget {
  /** Samples of each contestant, if time allows, and at least. */
  readonly most: number;
  readonly least: number;
  /** Milliseconds a contestant may spend on the samples of a row, and of a cold start. */
  readonly row: number;
  readonly cold: number;
  /** Milliseconds before samples count, so that compilers and the contestants' own choices settle. */
  readonly warmUp: number;
  /** Milliseconds after which one call is given up: one that may be compiling, and one that counts. */
  readonly firstCall: number;
  readonly call: number;
}

export const budgets: Readonly<Record<"full" | "quick", Budget>> = {
  full: { most: 30, least: 3, row: 12_000, cold: 30_000, warmUp: 30_000, firstCall: 240_000, call: 240_000 },
  quick: { most: 20, least: 1, row: 1_500, cold: 4_000, warmUp: 3_000, firstCall: 30_000, call: 10_000 },
};

/** Calls after the first before samples count: enough to try every way that peers/fastest.ts chooses from. */
const WARM_UP_CALLS = 4;

const compiled = ({ pipelines, compilingMs }: Timing) => ({ pipelines, compilingMs });

interface Contender {
  readonly entry: ContestantEntry;
  readonly error: number;
  readonly samples: number[];
  /** Milliseconds its calls have taken. */
  spent: number;
  readonly pipelines: number;
  readonly compilingMs: number;
}

/** Pages stay open from row to row of a network; a cold start and a peak of memory have a new one for every sample. */
export class Runner {
  private readonly pages = new Map<string, ContestantPage>();
  /** Contestants left out from here on, and why. */
  private readonly omitted = new Map<string, string>();

  constructor(
    private readonly server: BenchServer,
    private readonly adapter: ChromeAdapter,
    private readonly model: BenchModel,
    private readonly budget: Budget,
    private readonly entries: readonly ContestantEntry[] = contestants,
  ) {}

  omit(id: string, why: string): void {
    this.omitted.set(id, why);
  }

  async measure(row: Row): Promise<Cells> {
    const cells: Record<string, Cell> = {};
    const running: { entry: ContestantEntry; error: number; samples: number[]; spent: number; pipelines: number; compilingMs: number }[] =
      [];
    let reference: Float32Array | undefined;
    for (const entry of this.entries) {
      const skipped = this.reasonToSkip(entry, row);
      if (skipped) {
        cells[entry.id] = skipped;
        continue;
      }
      try {
        const { timing, answer } = await this.once(entry, row, this.budget.firstCall, true);
        if (entry.id === NUDGE) reference = answer;
        else if (!reference) throw new Error("nothing to compare with");
        const { error, why } = difference(row, answer!, reference!);
        if (why) cells[entry.id] = { status: "unequal", error, why };
        // A cold start and a peak of memory need no warming up: the first answer counts.
        else if (row.measure === "memory")
          cells[entry.id] = { status: "measured", error, ...compiled(timing), ...summarise([timing.peakBytes]) };
        else {
          const first = row.work ? [] : [timing.ms];
          running.push({ entry, error, samples: first, spent: timing.ms, ...compiled(timing) });
        }
      } catch (error) {
        // Nothing precedes a cold start; other first calls may be compiling.
        cells[entry.id] = await this.failed(entry, error, row.measure === "time" && !row.work);
      }
    }
    const failures = new Map<string, Cell>();
    const attempt = async (contestant: Contender): Promise<void> => {
      try {
        const { timing } = await this.once(contestant.entry, row, row.work ? this.budget.call : this.budget.firstCall, false);
        contestant.samples.push(timing.ms);
        contestant.spent += timing.ms;
      } catch (error) {
        failures.set(contestant.entry.id, await this.failed(contestant.entry, error, true));
      }
    };
    if (row.work) {
      for (const contestant of running) {
        const failure = await this.warmUp(contestant, row, reference!);
        if (failure) failures.set(contestant.entry.id, failure);
      }
    }
    const limit = row.work ? this.budget.row : this.budget.cold;
    const unfinished = () =>
      running.filter(
        ({ entry, samples, spent }) =>
          !failures.has(entry.id) && samples.length < this.budget.most && (samples.length < this.budget.least || spent < limit),
      );
    for (let turn = unfinished(); turn.length > 0; turn = unfinished()) {
      for (const contestant of turn) await attempt(contestant);
    }
    for (const { entry, error, samples, pipelines, compilingMs } of running) {
      cells[entry.id] = failures.get(entry.id) ?? { status: "measured", error, pipelines, compilingMs, ...summarise(samples) };
    }
    return Object.fromEntries(this.entries.map(({ id }) => [id, cells[id]!]));
  }

  private reasonToSkip(entry: ContestantEntry, { work }: Row): Cell | undefined {
    if (work && work.kind !== "forward" && !entry.derivatives) return { status: "cannot", why: "no gradients" };
    const why = this.omitted.get(entry.id);
    return why ? { status: "omitted", why } : undefined;
  }

  /** Calls that do not count. A contestant that has changed its way or its numbers meanwhile is found out: the last answer is compared too. */
  private async warmUp(contestant: Contender, row: Row, reference: Float32Array): Promise<Cell | undefined> {
    const { entry } = contestant;
    try {
      let more = true;
      for (let call = 1, spent = contestant.spent; more; call++) {
        more = call < WARM_UP_CALLS && spent < this.budget.warmUp;
        const { timing, answer } = await this.once(entry, row, this.budget.firstCall, !more);
        spent += timing.ms;
        const { error, why } = answer ? difference(row, answer, reference) : { error: 0 };
        if (why) return { status: "unequal", error, why };
      }
    } catch (error) {
      return this.failed(entry, error, false);
    }
    contestant.spent = 0;
    return undefined;
  }

  private async once({ id }: ContestantEntry, row: Row, limit: number, answered: boolean) {
    if (row.measure === "memory" || !row.work) {
      const page = await this.open(id);
      try {
        // Two calls: what is kept from one to the next counts.
        if (row.work) await page.time(row.work, limit);
        return await page.time(row.work, limit, answered);
      } finally {
        await page.close();
      }
    }
    let page = this.pages.get(id);
    if (!page) {
      page = await this.open(id);
      this.pages.set(id, page);
    }
    return page.time(row.work, limit, answered);
  }

  private open(id: string): Promise<ContestantPage> {
    return ContestantPage.open(this.adapter, this.server, id, this.model);
  }

  private async failed({ id }: ContestantEntry, error: unknown, counts: boolean): Promise<Cell> {
    if (!(error instanceof SlowError)) return { status: "cannot", why: inFewWords((error as Error).message) };
    // Its page is still at work and would disturb the others; the next row gets a new one.
    await this.pages.get(id)?.close();
    this.pages.delete(id);
    return { status: "slow", atLeast: error.milliseconds, counts };
  }

  async close(): Promise<void> {
    for (const page of this.pages.values()) await page.close();
    this.pages.clear();
  }
}
