/** The shaders that builds carry: the same tokens by other names, and every kernel reads its bindings from them as from the sources. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { WgslScanner } from "wgsl_reflect/wgsl_reflect.module.js";
import { shortNames, terse } from "../../../scripts/terse-wgsl.ts";
import { defineKernel } from "../../../src/runtime/gpu/kernel.ts";

const ROOT = fileURLToPath(new URL("../../../shaders/", import.meta.url));
const FILES = readdirSync(ROOT, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".wgsl"));
const SOURCES = FILES.map((file) => readFileSync(ROOT + file, "utf8"));
const NAMES = shortNames(SOURCES);

const tokensOf = (wgsl: string): string[] => new WgslScanner(wgsl).scanTokens().map(({ lexeme }) => lexeme);

describe("terse shaders", () => {
  test("have the same tokens but for names", () => {
    expect(FILES.length).toBeGreaterThan(50);
    FILES.forEach((file, i) => {
      const source = SOURCES[i]!;
      const short = terse(source, NAMES);
      expect(tokensOf(short), file).toEqual(tokensOf(source).map((token) => NAMES.get(token) ?? token));
      expect(short.length, file).toBeLessThan(source.length);
    });
  });

  test("keep one name for one, and none that stands for something else", () => {
    expect(NAMES.size).toBeGreaterThan(300);
    expect(new Set(NAMES.values()).size).toBe(NAMES.size);
    const unchanged = new Set(SOURCES.flatMap(tokensOf).filter((token) => !NAMES.has(token)));
    expect([...NAMES.values()].filter((name) => unchanged.has(name))).toEqual([]);
    // What the host or the language gives a meaning to.
    const fixed = [
      "main",
      "params",
      "Params",
      "LANES",
      "CLAMPED",
      "f32",
      "vec4u",
      "select",
      "length",
      "workgroup",
      "read_write",
      "num_workgroups",
      "input",
    ];
    expect(fixed.filter((name) => NAMES.has(name))).toEqual([]);
  });

  test("give the host the same bindings, parameters and extensions", () => {
    for (const source of SOURCES) {
      const [long, short] = [defineKernel("k", source), defineKernel("k", terse(source, NAMES))];
      expect({ ...short, source: "" }).toEqual({ ...long, source: "" });
    }
  });

  test("white space stays where two tokens would become one", () => {
    expect(terse("let a = b - -c; // d\n  if (x < -y && ! z) { return a; }")).toBe("let a=b- -c;\nif(x< -y&& !z){return a;}");
    expect(terse("fn f() -> u32 { return 1u; }")).toBe("fn f()->u32{return 1u;}");
    expect(() => terse("a /* b */")).toThrow("write line comments");
  });

  test("names are told from the letters of numbers, fields and built-ins", () => {
    const file =
      "struct Pair { half: f32, x1p: u32 }\nfn area(pair: Pair) -> f32 { let length = 0x1p-24 * pair.half; return length + length(vec2f(1e5)); }";
    expect(terse(file, shortNames([file]))).toBe(
      "struct a{b:f32,e:u32}\nfn d(c:a)->f32{let length=0x1p-24*c.b;return length+length(vec2f(1e5));}",
    );
  });
});
