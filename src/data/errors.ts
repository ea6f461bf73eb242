import { NudgeError } from "../runtime/errors.ts";

/** A file or an array does not hold what is needed. The message begins with the name of the file, where there is one. */
export class DataError extends NudgeError {}
