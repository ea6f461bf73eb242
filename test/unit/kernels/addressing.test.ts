/** Host-side arithmetic behind the shaders' addresses: broadcasting, merged axes, grids. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { axes, broadcastShapes, broadcastStrides, mergeAxes, stridesOf } from "../../../src/kernels/broadcast.ts";
import { gridSize, MAX_GROUPS } from "../../../src/runtime/plan/launch.ts";
import { ShapeError } from "../../../src/runtime/errors.ts";
import { sizeOf } from "../../../src/runtime/graph/graph.ts";

/** What shaders/lib/indexing.wgsl computes: coordinates off a flat index from the last axis on, then Σ coordinate · stride. */
function address(index: number, extents: readonly number[], strides: readonly number[]): number {
  let rest = index;
  let at = 0;
  for (let axis = extents.length - 1; axis >= 0; axis--) {
    at += (rest % extents[axis]!) * strides[axis]!;
    rest = Math.floor(rest / extents[axis]!);
  }
  return at;
}

const shape = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 6 });
/** A shape, and one that broadcasts to it: some axes repeated, leading ones left out. */
const broadcastPair = shape.chain((target) =>
  fc
    .tuple(
      fc.constant(target),
      fc.array(fc.boolean(), { minLength: target.length, maxLength: target.length }),
      fc.nat({ max: target.length }),
    )
    .map(([full, repeated, dropped]) => [full, full.map((extent, axis) => (repeated[axis] ? 1 : extent)).slice(dropped)] as const),
);

describe("broadcasting", () => {
  test("shapes", () => {
    expect(broadcastShapes([2, 1, 4], [3, 1])).toEqual([2, 3, 4]);
    expect(broadcastShapes([], [5])).toEqual([5]);
    expect(() => broadcastShapes([2, 3], [2])).toThrow(ShapeError);
  });

  test("strides read the element that NumPy would", () => {
    fc.assert(
      fc.property(broadcastPair, ([target, part]) => {
        const strides = broadcastStrides(part, target);
        for (let i = 0; i < sizeOf(target); i++) {
          const own = part.map((extent, axis) => {
            const at = axis + target.length - part.length;
            const coordinate = Math.floor(i / stridesOf(target)[at]!) % target[at]!;
            return extent === 1 ? 0 : coordinate;
          });
          const expected = own.reduce((sum, coordinate, axis) => sum + coordinate * stridesOf(part)[axis]!, 0);
          if (address(i, target, strides) !== expected) return false;
        }
        return true;
      }),
      { seed: 1 },
    );
  });

  test("merging axes changes no address", () => {
    fc.assert(
      fc.property(broadcastPair, ([target, part]) => {
        const lists = [broadcastStrides(target, target), broadcastStrides(part, target)];
        const merged = mergeAxes(target, ...lists);
        for (let i = 0; i < sizeOf(target); i++) {
          for (const [k, strides] of lists.entries()) {
            if (address(i, target, strides) !== address(i, merged.extents, merged.strides[k]!)) return false;
          }
        }
        return merged.extents.length <= target.length && !merged.extents.includes(1);
      }),
      { seed: 1 },
    );
  });

  test("contiguous axes merge into one", () => {
    const strides = stridesOf([2, 3, 4]);
    expect(mergeAxes([2, 3, 4], strides)).toEqual({ extents: [24], strides: [[1]] });
    expect(mergeAxes([2, 3, 4], strides, [0, 0, 1])).toEqual({
      extents: [6, 4],
      strides: [
        [4, 1],
        [0, 1],
      ],
    });
  });

  test("axes are eight, the given ones last", () => {
    expect(axes([2, 3], 1)).toEqual([1, 1, 1, 1, 1, 1, 2, 3]);
    expect(() => axes([1, 1, 1, 1, 1, 1, 1, 1, 1], 1)).toThrow(ShapeError);
  });
});

describe("grids", () => {
  const grid = { lead: "sample", items: 10, perGroup: 4, depth: 3 } as const;

  test("a line of workgroups, by depth", () => {
    expect(gridSize(grid, 1)).toEqual([3, 1, 3]);
    expect(gridSize(grid, 7)).toEqual([18, 1, 3]);
  });

  test("no copies, no workgroups", () => {
    expect(gridSize(grid, 0)).toEqual([0, 0, 3]);
  });

  test("a long line folds at WebGPU's limit", () => {
    expect(gridSize({ ...grid, items: 1, perGroup: 1 }, MAX_GROUPS)).toEqual([MAX_GROUPS, 1, 3]);
    expect(gridSize({ ...grid, items: 1, perGroup: 1 }, MAX_GROUPS + 1)).toEqual([32_768, 2, 3]);
  });

  test("the fold covers every item, stays within limits, and wastes less than a row", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), fc.integer({ min: 1, max: 256 }), (items, perGroup) => {
        const groups = Math.ceil(items / perGroup);
        const [x, y] = gridSize({ ...grid, items, perGroup }, 1);
        return x <= MAX_GROUPS && y <= MAX_GROUPS && x * y >= groups && x * (y - 1) < groups;
      }),
      { seed: 1 },
    );
  });
});
