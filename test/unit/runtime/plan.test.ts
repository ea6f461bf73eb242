/** Plans of whole programs: memory that no launch can spoil, and the split between forward pass and the rest. */
import { describe, expect, test } from "vitest";
import { SOFTWARE_ADAPTER } from "../../../src/runtime/describe.ts";
import { LimitError } from "../../../src/runtime/errors.ts";
import { sizeOf } from "../../../src/runtime/graph/graph.ts";
import type { Value } from "../../../src/runtime/graph/graph.ts";
import { isComputed, planGraph } from "../../../src/runtime/plan/plan.ts";
import type { Plan } from "../../../src/runtime/plan/plan.ts";
import { encodeModel } from "../../reference/onnx-builder.ts";
import { allCases } from "../../gpu/ops/cases/all.ts";
import { build } from "../../gpu/ops/cases/build.ts";
import { derivativePlans, forced, gpu, planOf, software } from "../../gpu/ops/variant.ts";
import { counting, graphOf, node } from "./graphs.ts";

/** What a launch reads and writes, as the roots that own the memory. */
function accesses({ launches, rootOf }: Plan): { reads: Value[]; writes: Value[] }[] {
  return launches.map(({ kernel, bindings }) => {
    const of = (wanted: string) =>
      kernel.bindings
        .filter(({ kind }) => kind === wanted)
        .map(({ name }) => bindings[name]!)
        .filter(isComputed)
        .map(rootOf);
    return { reads: of("read"), writes: of("write") };
  });
}

/** Replays a plan on memory that only knows which value wrote each byte range last. Returns what a launch found spoilt. */
function replay(plan: Plan, order: readonly number[]): string[] {
  const memory = new Map<string, { begin: number; end: number; owner: Value }[]>();
  const spoilt: string[] = [];
  const steps = accesses(plan);
  const place = (root: Value) => {
    if (plan.ports.has(root)) return { key: `port ${root.name}`, begin: 0, end: plan.bytesOf(root) };
    const { buffer, offset } = plan.placementOf(root);
    return { key: `arena ${buffer}`, begin: offset, end: offset + plan.bytesOf(root) };
  };
  for (const at of order) {
    const { reads, writes } = steps[at]!;
    const launch = plan.launches[at]!;
    for (const root of reads) {
      const { key, begin, end } = place(root);
      const fed = plan.ports.has(root) && plan.graph.inputs.includes(root);
      const owners = (memory.get(key) ?? []).filter((range) => range.begin < end && begin < range.end);
      if (!fed && !(owners.length === 1 && owners[0]!.owner === root))
        spoilt.push(`${launch.node} (${launch.kernel.name}) reads ${root.name}`);
      if (writes.some((written) => place(written).key === key)) spoilt.push(`${launch.node} reads and writes ${key}`);
    }
    for (const root of writes) {
      const { key, begin, end } = place(root);
      const others = (memory.get(key) ?? []).filter((range) => range.end <= begin || end <= range.begin);
      memory.set(key, [...others, { begin, end, owner: root }]);
    }
  }
  return spoilt;
}

const variants = [software, gpu, forced("tiled"), forced("split")];

describe.each(variants.map((variant) => [variant.name, variant] as const))("plans for %s", (_, variant) => {
  const plans = allCases.flatMap((given) =>
    derivativePlans(encodeModel(build(given).model), variant, 3, 2).map((plan) => [given.name, plan] as const),
  );

  test("every launch finds what it reads as it was written", () => {
    for (const [name, plan] of plans)
      expect(
        replay(
          plan,
          plan.launches.map((__, i) => i),
        ),
        name,
      ).toEqual([]);
  });

  test("what follows the forward pass can run again without it", () => {
    for (const [name, plan] of plans) {
      const rest = plan.launches.map((__, i) => i).slice(plan.forwardLaunches);
      expect(replay(plan, [...plan.launches.map((__, i) => i), ...rest, ...rest]), name).toEqual([]);
    }
  });

  test("the forward pass writes no row value, what follows nothing else", () => {
    for (const [name, plan] of plans) {
      plan.launches.forEach(({ grid }, i) => expect(grid.lead === "row", name).toBe(i >= plan.forwardLaunches));
      accesses(plan).forEach(({ writes }, i) => writes.forEach(({ lead }) => expect(lead === "row", name).toBe(i >= plan.forwardLaunches)));
    }
  });

  test("the arena is no smaller than what must be alive at once", () => {
    for (const [, { arena }] of plans) expect(arena.buffers.reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(arena.lowerBound);
  });
});

describe("limits", () => {
  const graph = graphOf({ inputs: { x: [1, 1000] }, nodes: [node("MatMul", ["x", "w"], "y")], constants: { w: counting([1000, 10]) } });
  const plan = (capacity: number, maxStorageBufferBindingSize: number) =>
    planGraph({
      graph,
      capacity,
      rows: 1,
      adapter: SOFTWARE_ADAPTER,
      limits: { maxStorageBufferBindingSize, maxBufferSize: 2 ** 30 },
    });

  test("a value larger than a binding is refused by name", () => {
    expect(() => plan(100, 200_000)).toThrow(LimitError);
    try {
      plan(100, 200_000);
    } catch (error) {
      const { limit, needed, available, where, message } = error as LimitError;
      expect({ limit, needed, available }).toEqual({ limit: "maxStorageBufferBindingSize", needed: 400_000, available: 200_000 });
      expect(where).toContain("the y");
      expect(message).not.toContain("\n");
    }
  });

  test("more axes than a kernel addresses are refused by name", () => {
    const deep = graphOf({ inputs: { x: [2, 2, 2, 2, 2, 2, 2, 2, 2] }, nodes: [node("Transpose", ["x"], "y")] });
    expect(() => planOf(deep, software, 1, 1)).toThrow('node "the y" (Transpose): 9 axes; 8 are covered');
  });

  test("a smaller batch fits", () => {
    expect(plan(40, 200_000).capacity).toBe(40);
  });

  test("bytes and work grow with samples and rows", () => {
    const { bytesOf, workingBytes, launches } = plan(3, 2 ** 30);
    expect(bytesOf(graph.inputs[0]!)).toBe(3 * 1000 * 4);
    expect(bytesOf(graph.outputs[0]!)).toBe(Math.ceil((3 * 10 * 4) / 16) * 16);
    expect(workingBytes).toBeGreaterThanOrEqual(bytesOf(graph.inputs[0]!) + bytesOf(graph.outputs[0]!));
    expect(launches[0]!.macs).toBe(sizeOf([1000, 10]));
  });
});
