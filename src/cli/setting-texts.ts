// The options of a command as texts, to be kept in a checkpoint and read again by the parsers of the command line.

import { InvalidArgumentError, type Command, type Option } from "commander";
import { CheckpointError } from "../runtime/errors.ts";
import { printable } from "../data/files.ts";
import { normName, type Norm } from "./format.ts";

type Text = string | boolean | string[];
/** Texts by the names that options have in the program. Options that were not given and have no default are missing. */
export type SettingTexts = Record<string, Text>;

/** Of one call, not of the run. */
const OF_THE_CALL = ["json", "debug", "resume", "output"];
/** Where things are found, or how it is worked: these may change. Contents are compared by their hashes. */
const MAY_CHANGE = ["input", "validation", "preprocessing", "tuning", "tuned", "adapter", "checkpointEvery"];
/** Of these, what changes the task by being there or not. */
const BY_PRESENCE = ["validation"];
/** Kept as a list. */
const REPEATED = ["dimension"];

function textOf(name: string, value: unknown): Text {
  if (name === "norm") return normName(value as Norm);
  if (typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.join(",");
  if (typeof value === "object") return Object.entries(value as object).map(([key, size]) => `${key}=${size}`);
  return `${value as string | number}`;
}

const kept = (command: Command) => command.options.filter((option) => !OF_THE_CALL.includes(option.attributeName()));

/** The options of a run, for its checkpoint. */
export function textsOf(command: Command, options: object): SettingTexts {
  const values = options as Record<string, unknown>;
  return Object.fromEntries(
    kept(command)
      .map((option) => option.attributeName())
      .filter((name) => values[name] !== undefined)
      .map((name) => [name, textOf(name, values[name])]),
  );
}

/** Reads an option's text as the command line would. */
function valueOf(option: Option, text: unknown): unknown {
  const read = (part: string, previous?: unknown): unknown => (option.parseArg ? option.parseArg(part, previous as never) : part);
  if (option.isBoolean() || option.negate) {
    if (typeof text === "boolean") return text;
  } else if (REPEATED.includes(option.attributeName())) {
    if (Array.isArray(text) && text.every((part) => typeof part === "string"))
      return text.reduce<unknown>((previous, part) => read(part, previous), undefined);
  } else if (typeof text === "string") return read(text);
  throw new InvalidArgumentError("It has the wrong type.");
}

/**
 * The options of a run that goes on: those of its checkpoint, and of this call what may change.
 * @param path of the checkpoint, for messages
 * @throws CheckpointError naming an option that was given now and is not what it was, with both values
 */
export function resumedOptions<T extends object>(command: Command, given: T, texts: SettingTexts, path: string): T {
  const options = { ...given } as Record<string, unknown>;
  for (const option of kept(command)) {
    const name = option.attributeName();
    const isGiven = command.getOptionValueSource(name) === "cli";
    const now = isGiven ? textOf(name, options[name]) : undefined;
    const then = Object.hasOwn(texts, name) ? texts[name] : undefined;
    const mustBeSame = !MAY_CHANGE.includes(name) || (BY_PRESENCE.includes(name) && then === undefined);
    if (isGiven && mustBeSame && String(then) !== String(now)) {
      throw new CheckpointError(
        `${printable(path)}: the checkpoint was made ${shown(option, then)}, this call comes ${shown(option, now)}; ` +
          "options may be left out: they are in the checkpoint",
      );
    }
    if (isGiven && !mustBeSame) continue;
    try {
      options[name] = then === undefined ? undefined : valueOf(option, then);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      throw new CheckpointError(`${printable(path)}: holds ${printable(shown(option, then))}: ${error.message}`);
    }
  }
  return options as T;
}

/** "with --radius 0.2", "without --radius" */
function shown(option: Option, text: Text | undefined): string {
  if (text === undefined || text === false || text === true)
    return `${(text === true) === option.negate ? "without" : "with"} ${option.long}`;
  return `with ${[text]
    .flat()
    .map((part) => `${option.long} ${part}`)
    .join(" ")}`;
}
