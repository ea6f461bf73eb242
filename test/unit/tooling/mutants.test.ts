/** How a run of mutants is judged: the score, survivors that are known and those that are not. */
import { describe, expect, test } from "vitest";
import { cut, judge, listed, scoreOf } from "../../../scripts/mutants/survivors.ts";
import type { Mutant, Survivors } from "../../../scripts/mutants/survivors.ts";

const mutant = (outcome: Mutant["outcome"], rest: Partial<Mutant> = {}): Mutant => ({
  file: "src/a.ts",
  line: 3,
  source: "if (a < b) return 1;",
  from: "a < b",
  to: "a <= b",
  outcome,
  ...rest,
});
const entry: Survivors = { file: "src/a.ts", lines: ["if (a < b)"], reason: "a is never b" };

describe("score", () => {
  test("counts what is covered", () => expect(scoreOf({ killed: 3, survived: 1, uncovered: 50 })).toBe(75));
  test("is 100 where nothing is covered", () => expect(scoreOf({ killed: 0, survived: 0, uncovered: 2 })).toBe(100));
  test("is kept by file and for all", () => {
    const { files, total, score } = judge([mutant("killed"), mutant("survived"), mutant("uncovered", { file: "src/b.ts" })], [entry]);
    expect(files.get("src/a.ts")).toEqual({ killed: 1, survived: 1, uncovered: 0 });
    expect(files.get("src/b.ts")).toEqual({ killed: 0, survived: 0, uncovered: 1 });
    expect(total).toEqual({ killed: 1, survived: 1, uncovered: 1 });
    expect(score).toBe(50);
  });
});

describe("passes", () => {
  const killed = Array.from({ length: 17 }, () => mutant("killed"));
  const survivors = Array.from({ length: 3 }, () => mutant("survived"));
  test("at 85 % with every survivor listed", () => expect(judge([...killed, ...survivors], [entry]).passed).toBe(true));
  test("not below 85 %", () => expect(judge([...killed.slice(1), ...survivors], [entry]).passed).toBe(false));
  test("not with an unlisted survivor", () => {
    const { passed, unlisted } = judge([...killed, mutant("survived")], []);
    expect(passed).toBe(false);
    expect(unlisted).toHaveLength(1);
  });
});

describe("an entry matches", () => {
  const known = (survivor: Partial<Mutant>, listedAs: Partial<Survivors> = {}) =>
    judge([mutant("survived", survivor)], [{ ...entry, ...listedAs }]).unlisted.length === 0;
  test.each<[string, Partial<Mutant>, Partial<Survivors>, boolean]>([
    ["by a part of the line", {}, {}, true],
    ["wherever the line has moved", { line: 99 }, {}, true],
    ["not in another file", { file: "src/b.ts" }, {}, false],
    ["not on another line", { source: "return a < b;" }, {}, false],
    ["by any of its lines", { source: "return a < b;" }, { lines: ["if (a < b)", "return a"] }, true],
    ["only the mutated text it names", {}, { from: "a" }, false],
    ["only the replacement it names", {}, { to: "true" }, false],
    ["with both", {}, { from: "a < b", to: "a <= b" }, true],
  ])("%s", (_, survivor, listedAs, expected) => expect(known(survivor, listedAs)).toBe(expected));

  test("or is stale, where its file was run", () => {
    expect(judge([mutant("killed")], [entry]).stale).toEqual([entry]);
    expect(judge([mutant("survived")], [entry]).stale).toEqual([]);
    expect(judge([mutant("killed", { file: "src/b.ts" })], [entry]).stale).toEqual([]);
  });
});

test("cut takes the text between two places that are counted from 1", () => {
  const text = "one\n  if (a) {\n    two\n  }\n";
  expect(cut(text, { line: 2, column: 7 }, { line: 2, column: 8 })).toEqual({ line: 2, source: "if (a) {", from: "a" });
  expect(cut(text, { line: 2, column: 10 }, { line: 4, column: 4 }).from).toBe("{\n    two\n  }");
});

test("every listed survivor has a reason", () => {
  for (const { file, lines, reason } of listed) {
    expect(lines.length, file).toBeGreaterThan(0);
    expect(reason.length, file).toBeGreaterThan(10);
  }
});
