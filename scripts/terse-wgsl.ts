/**
 * Shaders as builds carry them: without comments, white space that separates nothing, and long names. Shaders are written for the
 * reader of shaders/; as they stand there they would be more than half of the text that a page downloads.
 */

/** WGSL without comments. It has no strings, so that what looks like a comment is one. */
function withoutComments(wgsl: string): string {
  const bare = wgsl.replace(/\/\/.*$/gm, "");
  if (bare.includes("/*")) throw new Error("WGSL's block comments nest, which is not understood here; write line comments");
  return bare;
}

/** Two characters that are one token, or could begin one, when nothing stands between them. */
const JOINS = /^(?:[\w.][\w.]|[-+*\/%&|^<>=!][-+*\/%&|^<>=!])$/;

/** The same tokens, identifiers replaced by `names`, with one declaration of the module to a line. */
export function terse(wgsl: string, names: ReadonlyMap<string, string> = new Map()): string {
  const text = withoutComments(wgsl)
    .trim()
    .replace(/(\S)\s+(?=(\S))/g, (_, before: string, after: string) => (JOINS.test(before + after) ? `${before} ` : before));
  return declarations(text.replace(IDENTIFIER, (name) => names.get(name) ?? name)).join("\n");
}

/** Not the letters of a number: 0x1p-24, 1u. */
const IDENTIFIER = /(?<!\w)[A-Za-z_]\w*/g;

/** The text cut after each semicolon and each body that is within nothing else. */
function declarations(text: string): string[] {
  const found: string[] = [];
  let [start, depth] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if ("({".includes(character)) depth++;
    if (")}".includes(character)) depth--;
    if (depth > 0 || !";}".includes(character)) continue;
    found.push(text.slice(start, at + 1));
    start = at + 1;
  }
  return start < text.length ? [...found, text.slice(start)] : found;
}

/** What bindings' types and attributes say by words, which are names elsewhere. */
const CONTEXTUAL = ["storage", "read", "write", "read_write", "uniform", "workgroup", "private", "function"];

/** Constants, which some files declare and the host prepends to others. */
const CONSTANT = /^[A-Z][A-Z\d_]*$/;

/** What the host knows by name: the entry point and the uniform struct. */
const OF_THE_HOST = ["main", "params", "Params"];

/**
 * Short names for what the files declare, the same in all, since any of them may be linked with any other. Names that the host knows
 * keep theirs: bindings, fields of Params, and constants; so do names that are also a built-in's. No short name is
 * any other identifier of any file, so that nothing comes to mean something else, wherever it is declared.
 */
export function shortNames(files: readonly string[]): ReadonlyMap<string, string> {
  const sources = files.map(withoutComments);
  const matches = (pattern: RegExp) => sources.flatMap((source) => [...source.matchAll(pattern)].map(([, name]) => name!));

  const kept = new Set([...CONTEXTUAL, ...OF_THE_HOST]);
  for (const name of matches(/@binding\(\d+\)\s*var<[^>]*>\s*(\w+)/g)) kept.add(name);
  for (const name of matches(/@(\w+)/g)) kept.add(name);
  for (const name of matches(/@builtin\((\w+)\)/g)) kept.add(name);
  for (const fields of matches(/struct Params\s*\{([^}]*)\}/g)) for (const [, name] of fields.matchAll(/(\w+)\s*:/g)) kept.add(name!);
  const called = new Set(matches(/(?<!\w)([A-Za-z_]\w*)\s*\(/g));
  const declaredCalls = new Set(matches(/\b(?:fn|struct)\s+(\w+)/g));
  for (const name of called) if (!declaredCalls.has(name)) kept.add(name);

  const declared = new Set([
    ...declaredCalls,
    ...matches(/\b(?:let|const|var(?:<[^>]*>)?)\s+(\w+)/g),
    ...matches(/(?<!\w)([A-Za-z_]\w*)\s*:/g),
  ]);
  const uses = new Map<string, number>();
  for (const [name] of sources.flatMap((source) => [...source.matchAll(IDENTIFIER)])) uses.set(name, (uses.get(name) ?? 0) + 1);
  const renamed = [...declared].filter((name) => !kept.has(name) && !CONSTANT.test(name) && name.length > 1);
  renamed.sort((a, b) => uses.get(b)! - uses.get(a)! || (a < b ? -1 : 1));

  const short = unusedNames(new Set([...uses.keys(), ...WORDS]));
  return new Map(renamed.map((name) => [name, short.next().value]));
}

/** Words of WGSL, and of what adapters compile it to, that are as short as names made here. */
const WORDS = ["as", "do", "fn", "if", "in", "is", "of", "or", "h", "f", "i", "u"];

const LETTERS = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"];

/** Names of one letter, then of two characters, without those that are taken. */
function* unusedNames(taken: ReadonlySet<string>): Generator<string, never> {
  for (const letter of LETTERS) if (!taken.has(letter)) yield letter;
  for (const letter of LETTERS) for (const next of [...LETTERS, ..."0123456789"]) if (!taken.has(letter + next)) yield letter + next;
  throw new Error("there are more names than two characters can tell apart");
}
