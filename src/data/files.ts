// Reading files in Node, with errors in words.

import { readFile } from "node:fs/promises";
import { DataError } from "./errors.ts";

/**
 * The content of a file.
 * @throws DataError naming the path
 */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new DataError(`${path}: ${describeFileError(error)}`);
  }
}

/** A system error in words, without the path that the caller names. */
export function describeFileError(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
      return "no such file or folder";
    case "EACCES":
    case "EPERM":
      return "permission denied";
    case "EROFS":
      return "the file system is read-only";
    case "EISDIR":
      return "is a folder, not a file";
    case "ENOTDIR":
      return "is not a folder";
    case "ENOSPC":
      return "no space left on the device";
    default:
      return (error as Error).message.split("\n")[0]!;
  }
}
