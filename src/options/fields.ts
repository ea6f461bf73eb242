/**
 * Option fields: what each accepts, said once for the library and for the command. A schema is checked before any GPU work, and its
 * error names the function, the field, the value and the range.
 */
import { ArgumentError } from "../runtime/errors.ts";

/** One option: a test, and the end of the sentence "expected …". */
export interface Field {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
}

/** The fields of the options type T: each of its keys and no other. */
export type Fields<T> = { readonly [Key in keyof Required<T>]: Field };

export const field = /* @__NO_SIDE_EFFECTS__ */ (expected: string, accepts: (value: unknown) => boolean): Field => ({ expected, accepts });

/** A whole number between two bounds, both included. */
export const integer = /* @__NO_SIDE_EFFECTS__ */ (least: number, most = Number.MAX_SAFE_INTEGER): Field =>
  field(
    most === Number.MAX_SAFE_INTEGER ? `an integer of at least ${least}` : `an integer from ${least} to ${most}`,
    (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
  );

/** A seed of the random numbers. */
export const seed: Field = integer(0, 2 ** 32 - 1);

/** A finite number for which `within` holds; `range` says which those are, as "a positive finite number". */
export const real = /* @__NO_SIDE_EFFECTS__ */ (range: string, within: (value: number) => boolean): Field =>
  field(range, (value) => Number.isFinite(value) && within(value as number));

export const positive: Field = real("a positive finite number", (value) => value > 0);
export const nonNegative: Field = real("a finite number of at least 0", (value) => value >= 0);
/** A rate: more than 0, at most 1. */
export const fraction: Field = real("a number in (0, 1]", (value) => value > 0 && value <= 1);

const shown = (value: unknown) => (typeof value === "string" ? JSON.stringify(value) : String(value));

export const oneOf = /* @__NO_SIDE_EFFECTS__ */ (choices: readonly unknown[]): Field =>
  field(choices.length === 1 ? shown(choices[0]) : `${choices.slice(0, -1).map(shown).join(", ")} or ${shown(choices.at(-1))}`, (value) =>
    choices.includes(value),
  );

export const callback: Field = field("a function", (value) => typeof value === "function");
export const signal: Field = field("an AbortSignal", (value) => value instanceof AbortSignal);
export const text: Field = field("a string", (value) => typeof value === "string");
export const flag: Field = oneOf([true, false]);
/** An object whose content something else checks. */
export const object: Field = field("an object", (value) => typeof value === "object" && value !== null && !Array.isArray(value));
/** What something else checks entirely. */
export const anything: Field = field("a value", () => true);

/** The fields of one schema and more. As a function, so that bundlers may drop a schema that nothing uses. */
export const extended = /* @__NO_SIDE_EFFECTS__ */ <A extends object, B extends object>(fields: A, more: B): A & B => ({
  ...fields,
  ...more,
});

/** A value as messages show it: short, and with its type where the text does not tell. */
export function display(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}…` : value);
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value))
    return value.length <= 8 && value.every((entry) => typeof entry !== "object") ? `[${value.join(", ")}]` : "an Array";
  if (typeof value === "function") return "a function";
  const name = value.constructor?.name ?? "Object";
  return `${/^[AEIO]/.test(name) ? "an" : "a"} ${name}`;
}

/**
 * Checks options against their fields and returns them without those that are undefined. Throws ArgumentError, which names the
 * function `of`, the field, the value and what was expected; unknown names are refused, so that a slip of the pen is not silent.
 */
export function checkOptions<T extends object>(of: string, fields: Fields<T>, options: T | undefined): T {
  const names = Object.keys(fields) as (keyof T & string)[];
  const given: unknown = options ?? {};
  if (!object.accepts(given)) throw new ArgumentError(`${of}: options are ${display(given)}, expected an object of ${names.join(", ")}`);
  const defined = Object.fromEntries(Object.entries(given as T).filter(([, value]) => value !== undefined));
  for (const [name, value] of Object.entries(defined)) {
    if (!Object.hasOwn(fields, name))
      throw new ArgumentError(`${of}: there is no option ${JSON.stringify(name)}; there are ${names.join(", ")}`);
    const { accepts, expected } = fields[name as keyof T];
    if (!accepts(value)) throw new ArgumentError(`${of}: option "${name}" is ${display(value)}, expected ${expected}`);
  }
  return defined as T;
}

/** Checks one value as an option of that name. Throws ArgumentError. */
export function checkField(of: string, name: string, { accepts, expected }: Field, value: unknown): void {
  if (!accepts(value)) throw new ArgumentError(`${of}: "${name}" is ${display(value)}, expected ${expected}`);
}
