// Results appear whole or not at all: everything is written beside its place first and renamed into it at the end.
//
// A process that is killed cannot remove what it has begun to write. The names of temporary files say which process of which
// machine made them, so that the next run with the same output removes those whose process is gone. Content is on the disk before
// its name is, so that cut power leaves no empty file under a good name either.

import { createHash, randomBytes } from "node:crypto";
import { linkSync, mkdtempSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { mkdir, open, readdir, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { DataError } from "../data/errors.ts";
import { describeFileError } from "../data/files.ts";

/** A file's name and its content. */
export type OutputFiles = Record<string, Uint8Array | string>;

/** Says that a folder of results is complete; so it comes last. */
const REPORT = "report.json";

/** Of the machine's name, since a folder may be shared by several whose process ids mean nothing to each other. */
const MACHINE = createHash("sha256").update(hostname()).digest("hex").slice(0, 6);

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
  const existed = (await statOrUndefined(folder)) !== undefined;
  // Inside a folder that is there: it may be the root of a file system of its own.
  const temporary = await temporaryBeside(existed ? join(folder, "results") : folder);
  try {
    await makeFolder(temporary);
    for (const [name, content] of Object.entries(files)) await writeFile(join(temporary, name), content, { flush: true });
    if (!existed) {
      await flushFolder(temporary);
      renameSync(temporary, folder);
      await flushFolder(dirname(resolve(folder)));
      return;
    }
    // In one turn, so that a signal comes before or after. Who cuts the power in between finds no report, rather than an old one
    // beside new arrays.
    rmSync(join(folder, REPORT), { force: true });
    for (const name of owned) if (!(name in files)) rmSync(join(folder, name), { force: true });
    for (const name of Object.keys(files)) if (name !== REPORT) renameSync(join(temporary, name), join(folder, name));
    if (REPORT in files) renameSync(join(temporary, REPORT), join(folder, REPORT));
    await flushFolder(folder);
  } catch (error) {
    throw new DataError(`${folder}: cannot be written: ${describeFileError(error)}`);
  } finally {
    await discard(temporary);
  }
}

/**
 * Writes single files, all or none.
 * @param files contents by path
 * @param replacing what is done in the same turn as the renames, before them: once nothing else can run out of space
 * @throws DataError naming the file
 */
export async function writeFiles(files: OutputFiles, replacing?: (path: string) => void): Promise<void> {
  const moves: { path: string; temporary: string }[] = [];
  try {
    for (const [path, content] of Object.entries(files)) {
      const temporary = await temporaryBeside(path);
      moves.push({ path, temporary });
      await naming(path, async () => {
        await makeFolder(dirname(temporary));
        await writeFile(temporary, content, { flush: true });
      });
    }
    for (const { path, temporary } of moves) {
      await naming(path, () => {
        replacing?.(path);
        renameSync(temporary, path);
      });
    }
    for (const folder of new Set(moves.map(({ path }) => dirname(resolve(path))))) await flushFolder(folder);
  } finally {
    for (const { temporary } of moves) await discard(temporary);
  }
}

async function naming(path: string, write: () => Promise<void> | void): Promise<void> {
  try {
    await write();
  } catch (error) {
    throw new DataError(`${path}: cannot be written: ${describeFileError(error)}`);
  }
}

/** Removes a file, and what killed processes left of writing it. @throws DataError naming the file */
export async function removeFile(path: string): Promise<void> {
  await removeLeftovers(resolve(path));
  await naming(path, () => rm(path, { force: true }));
}

/** Makes a folder with its parents, and puts their names on the disk. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = resolve(folder); made.length >= first.length; made = dirname(made)) await flushFolder(dirname(made));
}

/**
 * Gives a file a second name, so that its first can be replaced and is never missing. File systems without links let the first
 * one go for a moment.
 */
export function keepAs(kept: string, path: string): void {
  rmSync(kept, { force: true });
  try {
    linkSync(path, kept);
  } catch {
    renameSync(path, kept);
  }
}

/** Puts renames in a folder on the disk. Not every system opens folders; there the file system decides when it does so. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder).catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}

/** A sibling, because a rename is atomic only within one file system. Removes those that killed processes left for this path. */
async function temporaryBeside(path: string): Promise<string> {
  const full = resolve(path);
  await removeLeftovers(full);
  const temporary = join(dirname(full), `${temporaryPrefix(full)}${process.pid}-${randomBytes(4).toString("hex")}.tmp`);
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

/** Cut, because names have at most 255 bytes. */
function temporaryPrefix(full: string): string {
  return `.${basename(full).slice(0, 40)}.${MACHINE}-`;
}

async function removeLeftovers(full: string): Promise<void> {
  const prefix = temporaryPrefix(full);
  const names = await readdir(dirname(full)).catch(() => []);
  for (const name of names) {
    const pid = name.startsWith(prefix) ? /^(\d+)-[0-9a-f]{8}\.tmp$/.exec(name.slice(prefix.length))?.[1] : undefined;
    if (pid === undefined || isAlive(Number(pid))) continue;
    await rm(join(dirname(full), name), { recursive: true, force: true }).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH"; // another user's process lives too
  }
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
