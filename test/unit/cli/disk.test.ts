// A disk that is full, and a folder that takes no files: one clear error, and the last good checkpoint is kept.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CHECKPOINT, CheckpointFile, readCheckpoint, type Task } from "../../../src/cli/checkpoint-file.ts";
import { writeFolder } from "../../../src/cli/output.ts";
import { Terminal } from "../../../src/cli/terminal.ts";
import { DataError } from "../../../src/data/errors.ts";

/** The error that the next files are written with, if any. */
const disk = vi.hoisted((): { refuses: string | undefined } => ({ refuses: undefined }));

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  return {
    ...real,
    writeFile: async (path: string, content: Uint8Array, options: object) => {
      if (!disk.refuses) return real.writeFile(path, content, options);
      // A full disk takes the beginning.
      if (disk.refuses === "ENOSPC") await real.writeFile(path, content.slice(0, 10), options);
      throw Object.assign(new Error(`${disk.refuses}: write`), { code: disk.refuses });
    },
  };
});

let place: string;
beforeEach(async () => (place = await mkdtemp(join(tmpdir(), "nudge-disk-"))));
afterEach(async () => {
  disk.refuses = undefined;
  await rm(place, { recursive: true, force: true });
});

const terminal = new Terminal({ write: () => {} }, { write: () => {} });
const task: Task = { command: "universal", version: "1", folder: "/", model: "m.onnx", settings: {}, preprocessing: {} };

describe.each([
  ["ENOSPC", /no space left/i],
  ["EROFS", /read-only/i],
  ["EACCES", /permission denied/i],
])("%s", (code, why) => {
  test("while a checkpoint is written: the one before is kept, and said to be", async () => {
    const file = new CheckpointFile<{ visited: number }>(place, task, undefined, terminal);
    const attack = async ({ save }: { save: (state: { visited: number }) => Promise<void> }) => {
      await save({ visited: 1 });
      disk.refuses = code;
      await save({ visited: 2 });
    };
    const error = await file.during("adapter", attack).then(
      () => expect.fail("nothing was thrown"),
      (thrown: Error) => thrown,
    );
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(why);
    expect(error.message).toContain(join(place, CHECKPOINT));
    expect(error.message).toContain("the checkpoint before it is kept");
    expect(error.message).not.toContain("\n");
    disk.refuses = undefined;
    expect((await readCheckpoint<{ visited: number }>(place, "universal"))!.state).toEqual({ visited: 1 });
    expect(await readdir(place)).toEqual([CHECKPOINT]);
  });

  test("while the first one is written: nothing is said to be kept", async () => {
    disk.refuses = code;
    const file = new CheckpointFile(place, task, undefined, terminal);
    const failing = file.during("adapter", () => Promise.resolve());
    await expect(failing).rejects.toThrow(why);
    await expect(failing).rejects.not.toThrow("is kept");
    expect(await readdir(place)).toEqual([]);
  });

  test("while results are written: the folder is named, and those of before stay whole", async () => {
    const out = join(place, "out");
    await writeFolder(out, { "report.json": "{}", "v.npy": "old" });
    disk.refuses = code;
    const failing = writeFolder(out, { "report.json": "[]", "v.npy": "new" });
    await expect(failing).rejects.toThrow(why);
    await expect(failing).rejects.toThrow(out);
    expect((await readdir(out)).sort()).toEqual(["report.json", "v.npy"]);
  });
});
