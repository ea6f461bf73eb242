/** Where tables are kept: what was written is read, and nothing about a storage is an error. */
import { describe, expect, test } from "vitest";
import type { AdapterDescription, TuningTable } from "../../../src/index.ts";
import { adapterKey, localTuningCache, mergedTable, parseTable } from "../../../src/tune.ts";

const adapter: AdapterDescription = { vendor: "v", architecture: "a", device: "", description: "d ", software: false, features: [] };
const table: TuningTable = { version: 1, adapter: adapterKey(adapter), kernels: "00000001", choices: { a: "direct", b: "tiled" } };

class Memory {
  readonly items = new Map<string, string>();
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
}

const failing = (name: string) => {
  throw new DOMException("no", name);
};

describe("localTuningCache", () => {
  test("keeps tables by model and adapter", () => {
    const cache = localTuningCache(new Memory());
    expect(cache.read("lenet", adapter)).toBeUndefined();
    expect(cache.write("lenet", table)).toBe(true);
    expect(cache.read("lenet", adapter)).toEqual(table);
    expect(cache.read("other", adapter)).toBeUndefined();
    expect(cache.read("lenet", { ...adapter, architecture: "b" })).toBeUndefined();
  });

  test("adds to what it kept, unless kernels have changed since", () => {
    const cache = localTuningCache(new Memory());
    cache.write("lenet", table);
    cache.write("lenet", { ...table, choices: { b: "direct", c: "strip" } });
    expect(cache.read("lenet", adapter)?.choices).toEqual({ a: "direct", b: "direct", c: "strip" });
    const newer = { ...table, kernels: "00000002", choices: { c: "tiled" } };
    cache.write("lenet", newer);
    expect(cache.read("lenet", adapter)).toEqual(newer);
  });

  test("a full storage keeps nothing, and says so", () => {
    const full = { getItem: () => null, setItem: () => failing("QuotaExceededError") };
    expect(localTuningCache(full).write("lenet", table)).toBe(false);
  });

  test("a forbidden storage is an empty one", () => {
    const forbidden = { getItem: () => failing("SecurityError"), setItem: () => failing("SecurityError") };
    expect(localTuningCache(forbidden).read("lenet", adapter)).toBeUndefined();
    expect(localTuningCache(forbidden).write("lenet", table)).toBe(false);
  });

  test.each<[string, PropertyDescriptor]>([
    ["missing", { value: undefined }],
    ["one that throws when it is looked at", { get: () => failing("SecurityError") }],
  ])("localStorage may be %s", (_, property) => {
    const before = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
    Object.defineProperty(globalThis, "localStorage", { ...property, configurable: true });
    try {
      expect(localTuningCache().read("lenet", adapter)).toBeUndefined();
      expect(localTuningCache().write("lenet", table)).toBe(false);
    } finally {
      if (before) Object.defineProperty(globalThis, "localStorage", before);
      else Reflect.deleteProperty(globalThis, "localStorage");
    }
  });

  test("what is no table is not found, and makes way", () => {
    const memory = new Memory();
    const cache = localTuningCache(memory);
    cache.write("lenet", table);
    const [key] = memory.items.keys();
    memory.setItem(key!, "{");
    expect(cache.read("lenet", adapter)).toBeUndefined();
    expect(cache.write("lenet", table)).toBe(true);
    expect(cache.read("lenet", adapter)).toEqual(table);
  });
});

test.each(["", "{", "null", "3", "[]", '{"choices":3}', '{"choices":null}'])("%j holds no table", (text) => {
  expect(parseTable(text)).toBeUndefined();
});

test("tables are merged only where they were measured alike", () => {
  expect(mergedTable(undefined, table)).toEqual(table);
  expect(mergedTable({ ...table, choices: { z: "direct" } }, table).choices).toEqual({ z: "direct", a: "direct", b: "tiled" });
  expect(mergedTable({ ...table, adapter: "other" }, table)).toEqual(table);
  expect(mergedTable({ ...table, version: 0 }, table)).toEqual(table);
});
