/** The rules by which WGSL is broken: what each one makes of a kernel, and what is left alone. */
import { describe, expect, test } from "vitest";
import { mutantsOf, tokensOf } from "../../../scripts/mutants/wgsl-rules.ts";

const kernel = (body: string) => `@compute @workgroup_size(LANES)\nfn main(@builtin(local_invocation_index) lane: u32) {\n  ${body}\n}\n`;
const edits = (body: string) => mutantsOf(kernel(body)).map(({ from, to }) => `${from} → ${to}`);

describe("what is broken, and how", () => {
  test.each<[string, string, string[]]>([
    ["a sum", "let a = b + c;", ["b + c → b - c"]],
    ["a product", "let a = b * c;", ["b * c → b / c"]],
    ["a remainder", "let a = b % c;", ["b % c → b / c"]],
    ["a bound", "let a = b < c;", ["b < c → b <= c"]],
    ["a bound from below", "let a = b >= c;", ["b >= c → b > c"]],
    ["an equality", "let a = b == c;", ["b == c → b != c"]],
    ["both of two conditions", "let a = b && c;", ["b && c → b || c"]],
    ["a sign", "let a = -b;", ["= -b → = b"]],
    ["a negation", "let a = !b;", ["= !b → = b"]],
    ["a zero", "let a = 0u;", ["= 0u; → = 1u;"]],
    ["another whole number, both ways", "let a = 7u;", ["= 7u; → = 8u;", "= 7u; → = 6u;"]],
    ["a zero of floats", "let a = 0.0;", ["= 0.0; → = 1.0;"]],
    ["another float", "let a = 0.25;", ["= 0.25; → = 0.5;"]],
    ["a mask", "let a = 0x7fu;", ["= 0x7fu; → = 0x80u;"]],
    ["a truth", "let a = true;", ["= true; → = false;"]],
    ["an index", "let a = b[c];", ["b[c]; → b[c + 1u];"]],
    ["an index that is a sum", "let a = b[c - d];", ["b[c - d]; → b[(c - d) + 1u];", "c - d → c + d"]],
    ["an index that is a number, once", "let a = b[0];", ["[0] → [1]"]],
    ["an extremum", "let a = min(b, c);", ["= min( → = max("]],
    ["a choice", "let a = select(b, c, d);", ["select(b, c, d) → select(c, b, d)"]],
    ["a function of one number", "let a = abs(b);", ["abs(b) → (b)"]],
    ["a clamp", "let a = clamp(b, c, d);", ["clamp(b, c, d) → (b)"]],
    ["an assignment", "a = b;", ["a = b; → "]],
    ["a sum in place", "a += b;", ["a += b; → ", "a += b → a -= b"]],
    ["a count", "a++;", ["a++; → ", "a++; → a--;"]],
    ["a jump", "if (a) { return; }", ["return; → "]],
    ["a call", "a(b);", ["a(b); → "]],
    ["bounds of a loop", "for (var i = 0u; i < n; i++) { }", ["= 0u; → = 1u;", "i < n → i <= n"]],
  ])("%s", (_, body, expected) => expect(edits(body)).toEqual(expected));

  test("values of constants outside of functions", () => {
    expect(mutantsOf("const MOST: u32 = 65535u;   // groups\n").map(({ to }) => to)).toEqual(["= 65536u;", "= 65534u;"]);
  });
});

describe("what is left alone", () => {
  test.each<[string, string]>([
    ["barriers", "workgroupBarrier(); storageBarrier();"],
    ["types", "var a: array<vec2<u32>>;"],
    ["conversions of bits", "let a = bitcast<u32>(b);"],
    ["addresses", "let a = workgroupUniformLoad(&b);"],
    ["steps of loops", "for (var i = a; ; i += 1u) { }"],
    ["what is returned, as a statement", "return a;"],
    ["comments", "// a + b, a[0] = 1u;\n  /* a - b */"],
  ])("%s", (_, body) => expect(edits(body)).toEqual([]));

  test("a bound by zero from below in a loop, which would be endless", () => {
    expect(edits("for (var half = a; half > 0u; half /= 2u) { }")).toEqual(["> 0u; → > 1u;"]);
    expect(edits("if (a > 0u) { }")).toContain("a > 0u → a >= 0u");
  });
  test("declarations", () => {
    const declarations =
      "struct Params { elements: u32, at: array<vec4u, 2> }\n@group(0) @binding(3) var<storage, read_write> v: array<f32>;\nvar<workgroup> partial: array<f32, 64>;\n";
    expect(mutantsOf(declarations)).toEqual([]);
  });
});

test("a mutant is the file with one place replaced, and knows its line", () => {
  const source = kernel("a = b;\n  c = d - e;");
  const [mutant] = mutantsOf(source).filter(({ to }) => to === "d + e");
  expect(mutant).toEqual({ line: 4, source: "c = d - e;", from: "d - e", to: "d + e", text: source.replace("d - e", "d + e") });
});

test("numbers and operators are single tokens", () => {
  expect(tokensOf("a<<=1e-4f>=0xffu..x").map(({ text }) => text)).toEqual(["a", "<<=", "1e-4f", ">=", "0xffu", ".", ".", "x"]);
});
