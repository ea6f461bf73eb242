import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkOutput, writeFiles, writeFolder } from "../../../src/cli/output.ts";

let place: string;
beforeEach(async () => (place = await mkdtemp(join(tmpdir(), "nudge-output-"))));
afterEach(() => rm(place, { recursive: true, force: true }));

describe("a folder of results", () => {
  test("is made, with its parents", async () => {
    const folder = join(place, "a/b/out");
    await writeFolder(folder, { "report.json": "{}", "v.npy": Uint8Array.of(1, 2) });
    expect(await readdir(folder)).toEqual(["report.json", "v.npy"]);
    expect(await readdir(join(place, "a/b"))).toEqual(["out"]);
  });

  test("keeps strangers, replaces its own and drops what contradicts", async () => {
    const folder = join(place, "out");
    await mkdir(folder);
    await writeFile(join(folder, "notes.txt"), "mine");
    await writeFile(join(folder, "report.json"), "old");
    await writeFile(join(folder, "gallery.png"), "old");
    await writeFolder(folder, { "report.json": "new" }, ["gallery.png"]);
    expect(await readdir(folder)).toEqual(["notes.txt", "report.json"]);
    expect(await readFile(join(folder, "report.json"), "utf8")).toBe("new");
  });

  test("stays as it was when writing fails in the middle", async () => {
    const folder = join(place, "out");
    await mkdir(folder);
    await writeFile(join(folder, "report.json"), "old");
    // The second name lies in a folder that does not exist, as a full disk would end the second write.
    const writing = writeFolder(folder, { "report.json": "new", "missing/v.npy": "x" });
    await expect(writing).rejects.toThrow(`${folder}: cannot be written: no such file or folder`);
    expect(await readFile(join(folder, "report.json"), "utf8")).toBe("old");
    expect(await readdir(place)).toEqual(["out"]);
  });
});

describe("single files", () => {
  test("appear all or none", async () => {
    const [good, bad] = [join(place, "good.npy"), join(place, "good.npy/bad.npy")];
    await writeFile(good, "old");
    await expect(writeFiles({ [good]: "new", [bad]: "new" })).rejects.toThrow(`${bad}: cannot be written`);
    expect(await readFile(good, "utf8")).toBe("old");
    expect(await readdir(place)).toEqual(["good.npy"]);
  });

  test("make their folder", async () => {
    await writeFiles({ [join(place, "new/y.npy")]: "y" });
    expect(await readFile(join(place, "new/y.npy"), "utf8")).toBe("y");
  });
});

describe("what a killed process left behind", () => {
  test("goes at the next run with the same output, and nothing else does", async () => {
    const ended = spawn(process.execPath, ["-e", ""], { stdio: "ignore" });
    const dead = ended.pid!;
    await new Promise((resolve) => ended.on("close", resolve));
    const named = (pid: number, output: string) => `.${output}.${machine}-${pid}-01234567.tmp`;
    const machine = createHash("sha256").update(hostname()).digest("hex").slice(0, 6);
    await writeFile(join(place, named(dead, "y.npy")), "half");
    await mkdir(join(place, named(dead, "out")));
    await writeFile(join(place, named(dead, "out"), "v.npy"), "half");
    const others = [named(process.pid, "y.npy"), named(dead, "z.npy"), `.y.npy.000000-${dead}-01234567.tmp`, ".y.npy.tmp", "y.npy.tmp"];
    for (const name of others) await writeFile(join(place, name), "not ours");
    await writeFiles({ [join(place, "y.npy")]: "new" });
    await writeFolder(join(place, "out"), { "report.json": "{}" });
    expect(await readdir(place)).toEqual([...others, "out", "y.npy"].sort());
  });
});

describe("checked before the work", () => {
  test("a folder where a file should be, and the other way round", async () => {
    await writeFile(join(place, "file"), "");
    await expect(checkOutput(place, "file")).rejects.toThrow("is a folder, an output file is needed");
    await expect(checkOutput(join(place, "file"), "folder")).rejects.toThrow("is a file, an output folder is needed");
    await expect(checkOutput(join(place, "file/out"), "folder")).rejects.toThrow("file is not a folder");
  });

  test("places yet to be made are fine, and are not made", async () => {
    await checkOutput(join(place, "a/b"), "folder");
    await checkOutput(join(place, "a/b.npy"), "file");
    expect(await readdir(place)).toEqual([]);
  });

  // Only Linux has such a place.
  test.skipIf(process.platform !== "linux")("a place that takes no files, whatever its mode", async () => {
    await expect(checkOutput("/proc/nope/nudge", "folder")).rejects.toThrow("/proc/nope/nudge: cannot be written: /proc takes no files");
    await expect(checkOutput("/proc/nope/y.npy", "file")).rejects.toThrow("/proc takes no files");
  });

  // Root may write anywhere, whatever the mode.
  test.skipIf(process.getuid?.() === 0)("a read-only place", async () => {
    await chmod(place, 0o500);
    await expect(checkOutput(join(place, "y.npy"), "file")).rejects.toThrow("permission denied");
  });
});
