import { describe, expect, test } from "vitest";
import { Terminal, toJson } from "../../../src/cli/terminal.ts";

function setUp({ isTTY = false, columns = 40, json = false } = {}) {
  const written = { out: "", err: "" };
  const clock = { time: 100 };
  const terminal = new Terminal(
    { write: (text) => (written.out += text) },
    { write: (text) => (written.err += text), isTTY, columns },
    () => clock.time,
  );
  terminal.json = json;
  return { terminal, written, clock };
}

describe("stdout", () => {
  test("carries results for people", () => {
    const { terminal, written } = setUp();
    terminal.print("fooled 3 of 4");
    terminal.report({ fooled: 3 });
    expect(written).toEqual({ out: "fooled 3 of 4\n", err: "" });
  });

  test("carries the report alone with --json", () => {
    const { terminal, written } = setUp({ json: true });
    terminal.print("fooled 3 of 4");
    terminal.note("a note");
    terminal.report({ fooled: 3 });
    expect(JSON.parse(written.out)).toEqual({ fooled: 3 });
    expect(written.err).toBe("a note\n");
  });
});

describe("progress", () => {
  test("on a terminal is one line, redrawn, cut to the width, and left standing at the end", () => {
    const { terminal, written, clock } = setUp({ isTTY: true, columns: 10 });
    terminal.progress("1 of 3");
    clock.time += 0.01;
    terminal.progress("2 of 3"); // too soon to be drawn
    clock.time += 1;
    terminal.progress("3 of 3 and more");
    terminal.note("done");
    expect(written.err).toBe("\r\u001b[K1 of 3\r\u001b[K3 of 3 an\ndone\n");
  });

  test("on a terminal ends with the last state even when it came too soon", () => {
    const { terminal, written, clock } = setUp({ isTTY: true });
    terminal.progress("1");
    clock.time += 0.01;
    terminal.progress("2");
    terminal.endProgress();
    expect(written.err).toBe("\r\u001b[K1\r\u001b[K2\n");
  });

  test("elsewhere is a line every few seconds, and none for quick work", () => {
    const { terminal, written, clock } = setUp();
    for (let second = 0; second <= 11; second++) {
      terminal.progress(`${second} s`);
      clock.time += 1;
    }
    terminal.endProgress();
    expect(written.err).toBe("5 s\n10 s\n");
  });
});

test("JSON holds typed arrays as lists, and no value that JSON lacks", () => {
  const numbers = { labels: Uint32Array.of(1, 2), high: Infinity, low: -Infinity, rate: Number.NaN, rhos: Float32Array.of(1, Infinity) };
  const text = toJson(numbers);
  expect(JSON.parse(text)).toEqual({ labels: [1, 2], high: null, low: null, rate: null, rhos: [1, null] });
  expect(text).toContain("[1, null]");
});

test("JSON keeps lists of numbers on one line, and everything else readable", () => {
  const value = { labels: [1, -2.5e-7, 3], none: [], names: ["[\n 1\n]", "b"], pairs: [[1], [2]], rate: null };
  const text = toJson(value);
  expect(text).toContain('"labels": [1, -2.5e-7, 3],\n');
  expect(text.split("\n").length).toBeGreaterThan(8);
  expect(JSON.parse(text)).toEqual(value);
});
