/**
 * Where intermediate values lie: an interval plan over a few buffers.
 *
 * Values whose lifetimes overlap must not share bytes. And since WebGPU forbids one buffer to be bound both for reading and
 * for writing in a dispatch, whatever the ranges, a value must not lie in the same buffer as one that is read while it is
 * written: the plan colours values with buffers so that this never happens. Values are placed one after another, each in the
 * gap, of any allowed buffer, that grows the arena least. Largest first is nearly always best (greedy by size, Pisarchyk & Lee
 * 2020, arXiv 2001.03288), and where it is not, another order is: all are tried, since planning is cheap and memory is not.
 */

export interface Interval {
  readonly id: number;
  readonly bytes: number;
  /** First and last launch, inclusive, during which the value must keep its bytes. */
  readonly start: number;
  readonly end: number;
  /** Values that some launch reads while it writes this one, or writes while it reads this one. */
  readonly conflicts: ReadonlySet<number>;
}

export interface Placement {
  readonly buffer: number;
  readonly offset: number;
}

export interface ArenaPlan {
  readonly placements: ReadonlyMap<number, Placement>;
  /** Bytes of each buffer. */
  readonly buffers: readonly number[];
  /** The most bytes alive at once: no plan can need less. */
  readonly lowerBound: number;
}

/** WebGPU's alignment of storage buffer offsets (the default, and largest allowed, minStorageBufferOffsetAlignment). */
export const ALIGNMENT = 256;

export const align = (bytes: number, to = ALIGNMENT): number => Math.ceil(bytes / to) * to;

const lifetime = ({ start, end }: Interval) => end - start + 1;

/** Orders in which values are placed. Sorting is stable: where one says nothing, the order of the launches stands. */
const ORDERS: readonly ((a: Interval, b: Interval) => number)[] = [
  (a, b) => b.bytes - a.bytes || a.start - b.start,
  (a, b) => b.bytes - a.bytes || lifetime(b) - lifetime(a),
  (a, b) => b.bytes * lifetime(b) - a.bytes * lifetime(a),
  (a, b) => lifetime(b) - lifetime(a) || b.bytes - a.bytes,
  (a, b) => a.start - b.start || b.bytes - a.bytes,
  (a, b) => b.end - a.end || b.bytes - a.bytes,
];

export function planArena(intervals: readonly Interval[], maxBufferBytes = Infinity): ArenaPlan {
  const bound = mostAlive(intervals);
  let best: ArenaPlan | undefined;
  let bestBytes = Infinity;
  for (const order of ORDERS) {
    const plan = { ...place([...intervals].sort(order), maxBufferBytes), lowerBound: bound };
    const bytes = plan.buffers.reduce((a, b) => a + b, 0);
    if (bytes < bestBytes) [best, bestBytes] = [plan, bytes];
    if (bestBytes === bound) break;
  }
  return best!;
}

function place(order: readonly Interval[], maxBufferBytes: number): Omit<ArenaPlan, "lowerBound"> {
  const placements = new Map<number, Placement>();
  const buffers: number[] = [];
  const placed: { interval: Interval; placement: Placement }[] = [];
  for (const interval of order) {
    const forbidden = new Set<number>();
    for (const other of interval.conflicts) {
      const placement = placements.get(other);
      if (placement) forbidden.add(placement.buffer);
    }
    let best: (Placement & { growth: number }) | undefined;
    for (let buffer = 0; buffer <= buffers.length; buffer++) {
      if (forbidden.has(buffer)) continue;
      const offset = firstGap(interval, buffer, placed);
      const end = offset + align(interval.bytes);
      const size = buffers[buffer] ?? 0;
      if (buffer < buffers.length && end > maxBufferBytes) continue;
      const growth = Math.max(0, end - size);
      if (!best || growth < best.growth) best = { buffer, offset, growth };
    }
    const { buffer, offset } = best!;
    buffers[buffer] = Math.max(buffers[buffer] ?? 0, offset + align(interval.bytes));
    placements.set(interval.id, { buffer, offset });
    placed.push({ interval, placement: { buffer, offset } });
  }
  return { placements, buffers };
}

/** The lowest offset in a buffer at which the interval fits between values that live at the same time. */
function firstGap(interval: Interval, buffer: number, placed: readonly { interval: Interval; placement: Placement }[]): number {
  const neighbours = placed
    .filter(({ interval: other, placement }) => placement.buffer === buffer && other.start <= interval.end && interval.start <= other.end)
    .sort((a, b) => a.placement.offset - b.placement.offset);
  let offset = 0;
  for (const { interval: other, placement } of neighbours) {
    if (placement.offset - offset >= align(interval.bytes)) break;
    offset = Math.max(offset, placement.offset + align(other.bytes));
  }
  return offset;
}

function mostAlive(intervals: readonly Interval[]): number {
  let most = 0;
  for (const { start } of intervals) {
    const alive = intervals.filter((other) => other.start <= start && start <= other.end);
    most = Math.max(
      most,
      alive.reduce((sum, { bytes }) => sum + align(bytes), 0),
    );
  }
  return most;
}
