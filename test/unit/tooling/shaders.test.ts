/** The shaders that builds carry: the same tokens on the same lines. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { WgslScanner } from "wgsl_reflect/wgsl_reflect.module.js";
import { terse } from "../../../scripts/vite-plugins.ts";

const ROOT = fileURLToPath(new URL("../../../shaders/", import.meta.url));
const FILES = readdirSync(ROOT, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".wgsl"));

const tokensOf = (wgsl: string): string[] => new WgslScanner(wgsl).scanTokens().map(({ line, lexeme }) => `${line} ${lexeme}`);

describe("terse shaders", () => {
  test("of every file", () => {
    expect(FILES.length).toBeGreaterThan(50);
    for (const file of FILES) {
      const source = readFileSync(ROOT + file, "utf8");
      const short = terse(source);
      expect(tokensOf(short), file).toEqual(tokensOf(source));
      expect(short.length, file).toBeLessThan(source.length);
      expect(short.split("\n").length, file).toBe(source.split("\n").length);
      expect(short).not.toMatch(/^[ \t]|[ \t]$/m);
    }
  });

  test("white space stays where two tokens would become one", () => {
    expect(terse("let a = b - -c; // d\n  if (x < -y && ! z) { return a; }")).toBe("let a=b- -c;\nif(x< -y&& !z) {return a;}");
    expect(terse("fn f() -> u32 { return 1u; }")).toBe("fn f()->u32 {return 1u;}");
    expect(() => terse("a /* b */")).toThrow("write line comments");
  });
});
