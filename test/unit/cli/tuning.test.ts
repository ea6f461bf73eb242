import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Terminal } from "../../../src/cli/terminal.ts";
import { cacheFolder, readTable, requestedTable, tuningPath } from "../../../src/cli/tuning.ts";
import type { AdapterDescription } from "../../../src/index.ts";
import { adapterKey } from "../../../src/tune.ts";

const adapter: AdapterDescription = { vendor: "v", architecture: "a", device: "", description: "", software: false, features: [] };
const table = { version: 1, adapter: adapterKey(adapter), kernels: "00000001", choices: { a: "direct" } };
const model = { path: "lenet.onnx", bytes: new Uint8Array([1, 2, 3]) };

let place: string;
const variables = ["XDG_CACHE_HOME", "HOME"] as const;
const before = variables.map((name) => process.env[name]);

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "nudge-tuning-"));
  process.env.XDG_CACHE_HOME = place;
});
afterAll(async () => {
  for (const [i, name] of variables.entries()) {
    if (before[i] === undefined) delete process.env[name];
    else process.env[name] = before[i];
  }
  await rm(place, { recursive: true });
});

describe("the cache folder", () => {
  const noHome = () => {
    throw new Error("no home");
  };
  test.each<[string, NodeJS.ProcessEnv, () => string, string | undefined]>([
    ["where XDG says", { XDG_CACHE_HOME: "/cache", HOME: "/home/me" }, noHome, join("/cache", "nudge")],
    ["in the home", { HOME: "/home/me" }, noHome, join("/home/me", ".cache", "nudge")],
    ["in the home, where XDG's is relative", { XDG_CACHE_HOME: "cache", HOME: "/home/me" }, noHome, join("/home/me", ".cache", "nudge")],
    ["in the home that the system knows", { HOME: "" }, () => "/home/me", join("/home/me", ".cache", "nudge")],
    ["nowhere without a home", {}, noHome, undefined],
    ["nowhere with an empty one", {}, () => "", undefined],
  ])("%s", (_, env, home, expected) => {
    expect(cacheFolder(env, home)).toBe(expected);
  });
});

test("a file is named by the model's bytes and the adapter", () => {
  const path = tuningPath("folder", model.bytes, adapter);
  expect(path).toMatch(/^folder.tuning-[0-9a-f]{16}-[0-9a-f]{16}\.json$/);
  expect(tuningPath("folder", new Uint8Array([1, 2]), adapter)).not.toBe(path);
  expect(tuningPath("folder", model.bytes, { ...adapter, vendor: "w" })).not.toBe(path);
});

describe("the table that a command goes by", () => {
  let said = "";
  const sink = { write: (text: string) => (said += text) };
  const terminal = new Terminal(sink, sink);

  test("none, and not a word, where nobody asked", async () => {
    await writeFile(join(place, "named.json"), JSON.stringify(table));
    expect(await requestedTable(model, {}, adapter, terminal)).toBeUndefined();
    expect(said).toBe("");
  });

  test("--tuned without a kept one: a note", async () => {
    expect(await requestedTable(model, { tuned: true }, adapter, terminal)).toBeUndefined();
    expect(said).toBe("not tuned for this adapter: nudge tune lenet.onnx does it\n");
  });

  test("--tuning names a file", async () => {
    expect(await requestedTable(model, { tuning: join(place, "named.json") }, adapter, terminal)).toEqual(table);
    await expect(requestedTable(model, { tuning: join(place, "missing.json") }, adapter, terminal)).rejects.toThrow("no such file");
    await writeFile(join(place, "broken.json"), "{");
    await expect(requestedTable(model, { tuning: join(place, "broken.json") }, adapter, terminal)).rejects.toThrow("is not a tuning table");
  });

  test("a file that is missing or broken is no table", async () => {
    expect(await readTable(join(place, "missing.json"))).toBeUndefined();
    expect(await readTable(join(place, "broken.json"))).toBeUndefined();
    expect(await readTable(place)).toBeUndefined();
  });
});
