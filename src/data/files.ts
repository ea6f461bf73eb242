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
    throw new DataError(`${printable(path)}: ${describeFileError(error)}`);
  }
}

/** A name or message for one line of a terminal: control characters are written out. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) =>
    JSON.stringify(character)
      .slice(1, -1)
      .replace(/^[^\\]$/, escaped),
  );
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
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
    case "ELOOP":
      return "is a link that leads to itself";
    case "ENAMETOOLONG":
      return "the name is too long";
    case "EMFILE":
    case "ENFILE":
      return "too many files are open";
    case "EIO":
      return "the device cannot be read or written";
    case "EDQUOT":
      return "the disk quota is used up";
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
