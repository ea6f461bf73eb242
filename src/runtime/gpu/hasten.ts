/**
 * Chrome learns that the GPU has finished when it handles commands of the page, or by looking 2.5 milliseconds after the last.
 * A page that waits for half a millisecond's work thus waits for two more. An empty submission makes it look sooner.
 */

/**
 * When they are sent, in milliseconds. Later ones gain too little, and more of them cost: sent without a pause they make work
 * of 3 ms take 14 on an adapter that shares its cores with the page (npm run bench:readback). Timers are set beforehand,
 * because nested ones wait 4 ms.
 */
const TIMES = [1, 2, 3, 4, 5, 6];

/** Settles as `work` does, which a queue's finishing settles; has the queue's process look after it meanwhile. */
export function hastened<T>(work: Promise<T>, queue: Pick<GPUQueue, "submit">): Promise<T> {
  const timers = TIMES.map((time) => setTimeout(() => queue.submit([]), time));
  return work.finally(() => timers.forEach((timer) => clearTimeout(timer)));
}
