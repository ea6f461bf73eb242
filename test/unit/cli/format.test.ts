import { expect, test } from "vitest";
import { formatBytes, formatCount, formatNumber, formatRate, formatSeconds, formatTable, plural } from "../../../src/cli/format.ts";
import { wilsonInterval } from "../../../src/data/statistics.ts";

test("numbers keep what matters", () => {
  expect([0, 0.25, 1 / 3, 12345.6, 1e-5, 2.5e7, Number.NaN].map((x) => formatNumber(x))).toEqual([
    "0",
    "0.25",
    "0.3333",
    "12350",
    "1.00e-5",
    "2.50e+7",
    "–",
  ]);
  expect(formatCount(1234567)).toBe("1,234,567");
  expect(plural(1, "image")).toBe("1 image");
  expect(plural(2000, "image")).toBe("2,000 images");
});

test("times and sizes", () => {
  expect([0.04, 9.96, 59.6, 119.6, 3661, Number.POSITIVE_INFINITY].map(formatSeconds)).toEqual([
    "0.0 s",
    "10.0 s",
    "60 s",
    "2 min 00 s",
    "61 min 01 s",
    "?",
  ]);
  expect([512, 2048, 5.5 * 1024 ** 3].map(formatBytes)).toEqual(["512 B", "2.0 KiB", "5.5 GiB"]);
});

test("a rate always comes with its n and its interval", () => {
  expect(formatRate(wilsonInterval(417, 500))).toBe("83.4 % (417 of 500; 95 % interval 79.9–86.4)");
});

test("tables align", () => {
  expect(
    formatTable([
      ["a", "1"],
      ["long", "22"],
    ]),
  ).toBe("a     1\nlong  22");
  expect(
    formatTable(
      [
        ["a", "1"],
        ["long", "22"],
      ],
      [1],
    ),
  ).toBe("a      1\nlong  22");
});
