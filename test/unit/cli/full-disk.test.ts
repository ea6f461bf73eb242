// Checkpoints and results on a disk that takes nothing more: one error with folder and reason, and what was good stays. The file
// system is real up to the call that fails, so that no superuser is needed; `npm run kills` does the same on real disks.

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { CHECKPOINT, CheckpointFile, readCheckpoint, type Origin, type Task } from "../../../src/cli/checkpoint-file.ts";
import { run } from "../../../src/cli/program.ts";
import { Terminal } from "../../../src/cli/terminal.ts";
import { DataError } from "../../../src/data/errors.ts";

/** The code of the error that writing ends in, and all that was done in order. */
const disk = vi.hoisted(() => ({
  code: undefined as string | undefined,
  done: [] as [what: string, path: string][],
  fail(this: void) {
    if (disk.code) throw Object.assign(new Error(`${disk.code}: no words of the system`), { code: disk.code });
  },
}));

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  return {
    ...real,
    writeFile: async (path: string, content: Uint8Array | string, options: { flush: boolean }) => {
      // A full disk takes the beginning of a file; one that is read-only takes nothing.
      if (disk.code === "ENOSPC") await real.writeFile(path, content.slice(0, 10));
      disk.fail();
      disk.done.push([options?.flush ? "write and sync" : "write", path]);
      return real.writeFile(path, content, options);
    },
    open: async (path: string, ...rest: []) => {
      const handle = await real.open(path, ...rest);
      const sync = handle.sync.bind(handle);
      handle.sync = () => (disk.done.push(["sync", path]), sync());
      return handle;
    },
  };
});

vi.mock("node:fs", async (original) => {
  const real = await original<typeof import("node:fs")>();
  return {
    ...real,
    mkdtempSync: (prefix: string) => (disk.fail(), real.mkdtempSync(prefix)),
    linkSync: (from: string, to: string) => (disk.done.push(["link", to]), real.linkSync(from, to)),
    renameSync: (from: string, to: string) => (disk.done.push(["rename", to]), real.renameSync(from, to)),
  };
});

const troubles: [code: string, reason: string][] = [
  ["ENOSPC", "no space left on the device"],
  ["EROFS", "the file system is read-only"],
  ["EACCES", "permission denied"],
  ["EDQUOT", "the disk quota is used up"],
];

const task: Task = {
  command: "universal",
  version: "0.1.0",
  folder: "/",
  model: "m.onnx",
  modelHash: "00",
  settings: { input: "x.npy" },
  preprocessing: {},
};
const origin: Origin = { adapter: "llvmpipe", identity: { "model hash": "0a" } };
const terminal = new Terminal({ write: () => {} }, { write: () => {} });

let place: string;
let out: string;
beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "nudge-disk-"));
  out = join(place, "new/out");
  disk.done.length = 0;
});
afterEach(async () => {
  disk.code = undefined;
  await rm(place, { recursive: true, force: true });
});

const file = () => new CheckpointFile<object>(out, task, undefined, terminal);
const stateKept = async () => (await readCheckpoint(out, "universal"))!.state;
const error = async (work: Promise<unknown>) => {
  const reason: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(reason).toBeInstanceOf(DataError);
  return (reason as DataError).message;
};

describe.each(troubles)("%s", (code, reason) => {
  const kept = `${reason}; the last checkpoint is kept: nudge universal --resume`;

  test("while a run saves its states", async () => {
    await file().during(origin, async ({ save }) => {
      await save({ visited: 1 });
      disk.code = code;
      expect(await error(save({ visited: 2 }))).toBe(`${join(out, CHECKPOINT)}: cannot be written: ${kept} ${out} goes on from it`);
    });
    expect(await readdir(out)).toEqual([CHECKPOINT]);
    expect(await stateKept()).toEqual({ visited: 1 });
  });

  test("when another run begins where one was interrupted", async () => {
    await file().during(origin, ({ save }) => save({ visited: 1 }));
    disk.code = code;
    expect(await error(file().during(origin, () => Promise.resolve()))).toContain(kept);
    expect(await readdir(out)).toEqual([CHECKPOINT]);
    expect(await stateKept()).toEqual({ visited: 1 });
  });

  test("when the results are written", async () => {
    const ending = file();
    await ending.during(origin, ({ save }) => save({ visited: 1 }));
    await writeFile(join(out, "report.json"), "of a run before");
    disk.code = code;
    expect(await error(ending.finish({ "v.npy": "v", "report.json": "{}" }, []))).toBe(
      `${out}: cannot be written: ${kept} ${out} goes on from it`,
    );
    expect(await readdir(out)).toEqual([CHECKPOINT, "report.json"]);
    expect(await readFile(join(out, "report.json"), "utf8")).toBe("of a run before");
    expect(await stateKept()).toEqual({ visited: 1 });
  });

  test("before anything is begun: nothing is promised to be kept", async () => {
    disk.code = code;
    expect(await error(file().during(origin, () => Promise.resolve()))).toBe(`${join(out, CHECKPOINT)}: cannot be written: ${reason}`);
  });

  test("the command says so before any GPU is opened, in one line", async () => {
    await mkdir(out, { recursive: true });
    disk.code = code;
    let said = "";
    const sinks = { stdout: { write: () => {} }, stderr: { write: (text: string) => (said += text) } };
    for (const command of ["universal", "deepfool"]) {
      said = "";
      expect(await run([command, "models/lenet.onnx", "--input", "x.npy", "--output", out], sinks)).toBe(1);
      expect(said).toBe(`nudge: ${out}: cannot be written: ${out} ${reason}\n`);
    }
  });
});

describe("what is on the disk, and when", () => {
  /** What was done so far, by paths in the place; temporary names are left out. */
  const done = () =>
    disk.done.splice(0).map(([what, path]) => `${what} ${path.endsWith(".tmp") ? "beside" : relative(place, path) || "."}`);

  test("a checkpoint is there before its name is, and its name before the run goes on", async () => {
    await file().during(origin, async ({ save }) => {
      expect(done()).toEqual([
        // New folders, each by its name in the one above.
        "sync new",
        "sync .",
        "write and sync beside",
        `rename new/out/${CHECKPOINT}`,
        "sync new/out",
      ]);
      await save({ visited: 1 });
      expect(done()).toEqual(["write and sync beside", `rename new/out/${CHECKPOINT}`, "sync new/out"]);
    });
  });

  test("the checkpoint of another run keeps its name until the new one takes it", async () => {
    await file().during(origin, ({ save }) => save({ visited: 1 }));
    disk.done.length = 0;
    await file().during(origin, () => Promise.resolve());
    expect(done()).toEqual([
      "write and sync beside",
      "link new/out/checkpoint.previous.nudge",
      `rename new/out/${CHECKPOINT}`,
      "sync new/out",
    ]);
  });
});
