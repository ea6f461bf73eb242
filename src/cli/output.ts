// Results appear whole or not at all: everything is written beside its place first and renamed into it at the end.

import { randomBytes } from "node:crypto";
import { mkdtempSync, rmdirSync, rmSync } from "node:fs";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { DataError } from "../data/errors.ts";
import { describeFileError } from "../data/files.ts";

/** A file's name and its content. */
export type OutputFiles = Record<string, Uint8Array | string>;

/** Temporary paths that an exit in the middle of writing must not leave behind. */
const unfinished = new Set<string>();
let cleansUpAtExit = false;

/**
 * Fails early, before minutes of work, when a result could not be written.
 * @param kind what the path is to become
 * @throws DataError naming the path
 */
export async function checkOutput(path: string, kind: "file" | "folder"): Promise<void> {
  const existing = await statOrUndefined(path);
  if (kind === "folder" && existing && !existing.isDirectory()) throw new DataError(`${path}: is a file, an output folder is needed`);
  if (kind === "file" && existing?.isDirectory()) throw new DataError(`${path}: is a folder, an output file is needed`);
  // Renaming needs a writable parent; the parent itself is made when the time comes, if it is missing.
  let ancestor = existing?.isDirectory() ? resolve(path) : dirname(resolve(path));
  while (!(await statOrUndefined(ancestor)) && dirname(ancestor) !== ancestor) ancestor = dirname(ancestor);
  try {
    if (!(await stat(ancestor)).isDirectory()) throw Object.assign(new Error(), { code: "ENOTDIR" });
    tryFolderIn(ancestor);
  } catch (error) {
    const odd = (error as NodeJS.ErrnoException).code === "ENOENT"; // The ancestor is there, and yet nothing can be made in it.
    throw new DataError(`${path}: cannot be written: ${ancestor} ${odd ? "takes no files" : describeFileError(error)}`);
  }
}

/**
 * Makes a folder and removes it. Permissions do not say everything: a superuser may write anywhere, but nobody into /proc, where
 * Node's recursive mkdir never returns. In one turn, so that no exit leaves the folder behind.
 */
function tryFolderIn(place: string): void {
  rmdirSync(mkdtempSync(join(place, ".nudge-")));
}

/**
 * Writes a folder of results. Files already there are replaced only once all new ones are on the disk.
 * @param owned names that earlier runs may have left and that would contradict the new report if they stayed
 * @throws DataError naming the folder
 */
export async function writeFolder(folder: string, files: OutputFiles, owned: readonly string[] = []): Promise<void> {
  const temporary = temporaryBeside(folder);
  try {
    await mkdir(temporary, { recursive: true });
    for (const [name, content] of Object.entries(files)) await writeFile(join(temporary, name), content);
    if (!(await statOrUndefined(folder))) {
      await rename(temporary, folder);
      return;
    }
    for (const name of Object.keys(files)) await rename(join(temporary, name), join(folder, name));
    for (const name of owned) if (!(name in files)) await rm(join(folder, name), { force: true });
  } catch (error) {
    throw new DataError(`${folder}: cannot be written: ${describeFileError(error)}`);
  } finally {
    await discard(temporary);
  }
}

/**
 * Writes single files, all or none.
 * @param files contents by path
 * @throws DataError naming the file
 */
export async function writeFiles(files: OutputFiles): Promise<void> {
  const moves: { path: string; temporary: string }[] = [];
  try {
    for (const [path, content] of Object.entries(files)) {
      const temporary = temporaryBeside(path);
      moves.push({ path, temporary });
      await naming(path, async () => {
        await mkdir(dirname(temporary), { recursive: true });
        await writeFile(temporary, content);
      });
    }
    for (const { path, temporary } of moves) await naming(path, () => rename(temporary, path));
  } finally {
    for (const { temporary } of moves) await discard(temporary);
  }
}

async function naming(path: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw new DataError(`${path}: cannot be written: ${describeFileError(error)}`);
  }
}

/** A sibling, because a rename is atomic only within one file system. */
function temporaryBeside(path: string): string {
  const full = resolve(path);
  const temporary = join(dirname(full), `.${basename(full)}.${randomBytes(6).toString("hex")}.tmp`);
  unfinished.add(temporary);
  if (!cleansUpAtExit) {
    cleansUpAtExit = true;
    process.on("exit", () => {
      for (const leftover of unfinished) {
        try {
          rmSync(leftover, { recursive: true, force: true });
        } catch {
          // nothing left to try
        }
      }
    });
  }
  return temporary;
}

async function discard(temporary: string): Promise<void> {
  // What cannot be removed now is tried again at the exit; the error that led here must not be hidden by another.
  if (
    !(await rm(temporary, { recursive: true, force: true }).then(
      () => true,
      () => false,
    ))
  )
    return;
  unfinished.delete(temporary);
}

async function statOrUndefined(path: string) {
  return stat(path).catch(() => undefined);
}
