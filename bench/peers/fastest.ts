/** Several ways to write the same thing, tried in turn; from then on the fastest runs. */

interface Trial<Way> {
  readonly way: Way;
  calls: number;
  best: number;
  failure?: Error;
}

/** The first call of a way compiles, so each is called twice before it is judged by its faster call. */
const CALLS_BEFORE_JUDGEMENT = 2;

/**
 * Calls go to `use(way)`. Under each key (shapes, usually) every way is tried anew. A way that throws is out; when all have
 * thrown, the last error is thrown again.
 */
export function fastest<Way>(ways: readonly Way[]): <T>(key: string, use: (way: Way) => Promise<T>) => Promise<T> {
  const tried = new Map<string, Trial<Way>[]>();
  return async (key, use) => {
    let trials = tried.get(key);
    if (!trials) {
      trials = ways.map((way) => ({ way, calls: 0, best: Infinity }));
      tried.set(key, trials);
    }
    for (;;) {
      const alive = trials.filter(({ failure }) => !failure);
      if (alive.length === 0) throw trials.at(-1)!.failure!;
      const next = alive.find(({ calls }) => calls < CALLS_BEFORE_JUDGEMENT && alive.length > 1);
      const trial = next ?? alive.reduce((fast, other) => (other.best < fast.best ? other : fast));
      try {
        const started = performance.now();
        const result = await use(trial.way);
        trial.best = Math.min(trial.best, performance.now() - started);
        trial.calls++;
        return result;
      } catch (error) {
        trial.failure = error as Error;
      }
    }
  };
}
