import { describe, expect, test } from "vitest";
import { describeAttachment, describeSummary, summarise } from "../../../src/cli/attack-summary.ts";
import { toJson } from "../../../src/cli/terminal.ts";
import type { DeepFoolStatus } from "../../../src/index.ts";

function result(...images: [DeepFoolStatus, number, number][]) {
  return {
    status: images.map(([status]) => status),
    norms: Float32Array.from(images, ([, norm]) => norm),
    relativeNorms: Float32Array.from(images, ([, , rho]) => rho),
    iterations: Uint32Array.from(images, (_, i) => i + 1),
    seconds: 2,
  };
}

const lines = (...images: [DeepFoolStatus, number, number][]) => describeSummary(summarise(result(...images)), 2, 2).split("\n");

test("where an attack attached is said where it is not the output", () => {
  expect(describeAttachment({ node: "fc", head: [], binary: false })).toBeUndefined();
  expect(describeAttachment({ node: "fc", head: ["Softmax", "Clip"], binary: false })).toBe(
    'attacked at the output of "fc", before Softmax → Clip',
  );
  expect(describeAttachment({ node: "fc", head: ["Sigmoid"], binary: true })).toBe(
    'attacked at the output of "fc", before Sigmoid; one output: class 1 where the logit is positive, else class 0',
  );
});

describe("a DeepFool run in a few lines", () => {
  test("all fooled", () => {
    const summary = summarise(result(["fooled", 1, 0.25], ["fooled", 3, 0.75]));
    expect(summary).toMatchObject({ images: 2, meanRho: 0.5, meanRhoOver: 2, medianNorm: 2, meanIterations: 1.5 });
    expect(summary.fooled).toMatchObject({ count: 2, n: 2, rate: 1 });
    expect(lines(["fooled", 1, 0.25], ["fooled", 3, 0.75])).toEqual([
      expect.stringMatching(/^fooled +100.0 % \(2 of 2; /),
      expect.stringMatching(/^mean ρ = ‖r‖\/‖x‖ \(l2\) +0.5 \(50.0 %\), over the 2 fooled$/),
      expect.stringMatching(/^median ‖r‖ \(l2\) +2$/),
      expect.stringMatching(/^mean iterations +1.5$/),
      expect.stringMatching(/^time +2.0 s$/),
    ]);
  });
  test("failures count as infinite in the median, are told by reason, and stay out of the mean", () => {
    const images: [DeepFoolStatus, number, number][] = [
      ["fooled", 1, 0.25],
      ["fooled", 2, 0.75],
      ["fooled", 3, 0.5],
      ["exhausted", Infinity, Infinity],
      ["out-of-range", Infinity, Infinity],
    ];
    const text = lines(...images).join("\n");
    expect(text).toMatch(/not fooled: iterations used up +1\n/);
    expect(text).toMatch(/not fooled: out of the range of f32 +1\n/);
    expect(text).toMatch(/0.5 \(50.0 %\), over the 3 fooled\n/);
    expect(text).toMatch(/median ‖r‖ \(l2\) +3 \(failures count as infinite\)\n/);
  });
  test("no image fooled: no number that is none, in the sentence or in the JSON", () => {
    const images: [DeepFoolStatus, number, number][] = [
      ["no-direction", Infinity, Infinity],
      ["non-finite", Infinity, Infinity],
    ];
    const text = lines(...images).join("\n");
    expect(text).not.toMatch(/NaN|Infinity|null/);
    expect(text).toMatch(/mean ρ.* none\n/);
    expect(text).toMatch(/median.*not reached: half of the images or more were not fooled\n/);
    expect(text).toMatch(/zero gradients\) +1\n/);
    expect(text).toMatch(/not finite +1\n/);
    expect(JSON.parse(toJson(summarise(result(...images))))).toMatchObject({ meanRho: null, meanRhoOver: 0, medianNorm: null });
  });
  test("a zero image has no ρ", () => {
    expect(lines(["fooled", 1, 0.25], ["fooled", 3, Infinity]).join("\n")).toMatch(/0.25 \(25.0 %\), over the 1 fooled with ‖x‖ > 0\n/);
  });
});
