/**
 * The ways in which WGSL is broken, one at a time: by rules on its tokens, so that nothing here knows a kernel. What is declared stays as
 * it is (bindings, types, entry points), except for the values of constants: a mutant should compile and be wrong.
 *
 * Left out: barriers, whose absence no software adapter shows; and what makes a loop endless by construction, which is its step, and a
 * bound of an unsigned number from below by `>= 0u`.
 */

export interface WgslMutant {
  readonly line: number;
  /** The line in which the mutated text begins, without its indentation. */
  readonly source: string;
  /** What is replaced and by what, with the tokens around it where it is a single one. */
  readonly from: string;
  readonly to: string;
  /** The whole file, broken. */
  readonly text: string;
}

interface Token {
  readonly kind: "word" | "number" | "sign";
  readonly text: string;
  readonly at: number;
}

const TOKEN =
  /(?<comment>\/\/[^\n]*|\/\*[\s\S]*?\*\/)|(?<number>0x[\da-fA-F]+[iu]?|(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?[iufh]?)|(?<word>[A-Za-z_]\w*)|(?<sign><<=|>>=|&&|\|\||[=!<>+\-*/%&|^]=|\+\+|--|->|<<|>>|[^\s\w])/g;

export function tokensOf(source: string): Token[] {
  return [...source.matchAll(TOKEN)]
    .filter(({ groups }) => groups!["comment"] === undefined)
    .map(({ groups, 0: text, index }) => ({ kind: groups!["number"] ? "number" : groups!["word"] ? "word" : "sign", text, at: index }));
}

/** Operators between two operands, and what takes their place. */
const OPERATORS: Readonly<Record<string, string>> = {
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "/",
  "+=": "-=",
  "-=": "+=",
  "*=": "/=",
  "/=": "*=",
  "++": "--",
  "--": "++",
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "==": "!=",
  "!=": "==",
  "&&": "||",
  "||": "&&",
  "&": "|",
  "|": "&",
  "^": "&",
  "<<": ">>",
  ">>": "<<",
  "|=": "&=",
  "&=": "|=",
};

const FLIPPED: Readonly<Record<string, string>> = { min: "max", max: "min", true: "false", false: "true" };

/** Functions of which a mutant takes the first argument instead. */
const DROPPED = new Set(["abs", "sign", "sqrt", "inverseSqrt", "floor", "ceil", "round", "trunc", "exp", "exp2", "log", "log2", "clamp"]);

/** Words before `<` that open a list of types. */
const TEMPLATES = /^(array|vec[234]|mat[234]x[234]|ptr|atomic|bitcast|var)$/;

const BARRIERS = new Set(["workgroupBarrier", "storageBarrier", "textureBarrier", "subgroupBarrier"]);

interface Edit {
  /** First and last token that is replaced. */
  readonly first: number;
  readonly last: number;
  readonly by: string;
  /** Tokens on both sides that reports show. */
  readonly around?: number;
}

/** All mutants of a file, in the order of the text. */
export function mutantsOf(source: string): WgslMutant[] {
  const tokens = tokensOf(source);
  const edits = [...constantEdits(tokens), ...bodiesOf(tokens).flatMap(([first, last]) => bodyEdits(source, tokens, first, last))];
  return edits
    .sort((a, b) => a.first - b.first || a.last - b.last)
    .map(({ first, last, by, around = 0 }) => {
      const [from, to] = [tokens[first]!.at, endOf(tokens[last]!)];
      const before = source.slice(tokens[Math.max(0, first - around)]!.at, from);
      const after = source.slice(to, endOf(tokens[Math.min(tokens.length - 1, last + around)]!));
      const begin = source.lastIndexOf("\n", from) + 1;
      return {
        line: source.slice(0, from).split("\n").length,
        source: source.slice(begin).split("\n", 1)[0]!.trim(),
        from: `${before}${source.slice(from, to)}${after}`,
        to: `${before}${by}${after}`,
        text: `${source.slice(0, from)}${by}${source.slice(to)}`,
      };
    });
}

const endOf = ({ at, text }: Token) => at + text.length;

/** The token that closes the bracket at `open`. */
function closing(tokens: readonly Token[], open: number): number {
  const pairs: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };
  const [left, right] = [tokens[open]!.text, pairs[tokens[open]!.text]];
  for (let i = open, depth = 0; i < tokens.length; i++) {
    if (tokens[i]!.text === left) depth++;
    else if (tokens[i]!.text === right && --depth === 0) return i;
  }
  throw new Error(`"${left}" is not closed`);
}

/** The braces of every function's body. */
function bodiesOf(tokens: readonly Token[]): [number, number][] {
  return tokens.flatMap(({ kind, text }, i): [number, number][] => {
    if (kind !== "word" || text !== "fn") return [];
    const parameters = closing(tokens, i + 2);
    const open = tokens.findIndex((token, j) => j > parameters && token.text === "{");
    return [[open, closing(tokens, open)]];
  });
}

/** Values of constants at module scope. */
function constantEdits(tokens: readonly Token[]): Edit[] {
  return tokens.flatMap(({ text }, i) => {
    if (text !== "const") return [];
    const is = tokens.findIndex((token, j) => j > i && token.text === "=");
    return tokens[is + 1]?.kind === "number" && tokens[is + 2]?.text === ";" ? numberEdits(tokens[is + 1]!.text, is + 1) : [];
  });
}

/** n + 1 and n − 1 of a whole number, twice another one. */
function numberEdits(text: string, at: number): Edit[] {
  const [, digits, suffix] = /^(.*?)([iufh]?)$/.exec(text)!;
  const edit = (by: string): Edit => ({ first: at, last: at, by, around: 1 });
  if (/^0x/.test(text)) return [edit(`0x${(Number.parseInt(text, 16) + 1).toString(16)}${/[iu]$/.exec(text)?.[0] ?? ""}`)];
  const value = Number(digits);
  if (/[.eE]/.test(digits!) || suffix === "f" || suffix === "h") {
    const other = value === 0 ? 1 : 2 * value;
    return [edit(`${Number.isInteger(other) ? other.toFixed(1) : other}${suffix}`)];
  }
  return [value + 1, ...(value > 0 ? [value - 1] : [])].map((other) => edit(`${other}${suffix}`));
}

function bodyEdits(source: string, tokens: readonly Token[], open: number, close: number): Edit[] {
  const untouched = untouchedIn(tokens, open, close);
  const edits: Edit[] = [];
  for (let i = open + 1; i < close; i++) {
    const { kind, text } = tokens[i]!;
    if (untouched.has(i)) continue;
    if (kind === "number") edits.push(...numberEdits(text, i));
    else if (kind === "word") edits.push(...wordEdits(source, tokens, i));
    else edits.push(...signEdits(source, tokens, i));
  }
  return [...edits, ...statementEdits(tokens, open, close)];
}

/** Lists of types, steps of loops, and bounds by `> 0u` in their conditions. */
function untouchedIn(tokens: readonly Token[], open: number, close: number): ReadonlySet<number> {
  const untouched = new Set<number>();
  for (let i = open; i < close; i++) {
    if (TEMPLATES.test(tokens[i]!.text) && tokens[i + 1]!.text === "<") {
      let depth = 0;
      let j = i + 1;
      do {
        const { text } = tokens[j]!;
        depth += text === "<" ? 1 : text === ">" ? -1 : text === ">>" ? -2 : 0;
        untouched.add(j++);
      } while (depth > 0);
    }
    if (tokens[i]!.text === "for") {
      const end = closing(tokens, i + 1);
      const [, second] = separators(tokens, i + 1, end, ";");
      for (let j = second!; j < end; j++) untouched.add(j);
      for (let j = i; j < second!; j++) if (tokens[j]!.text === ">" && /^0[iu]?$/.test(tokens[j + 1]!.text)) untouched.add(j);
    }
  }
  return untouched;
}

/** Places of a separator between two brackets, not within inner ones. */
function separators(tokens: readonly Token[], open: number, close: number, separator: string): number[] {
  const places: number[] = [];
  for (let i = open + 1; i < close; i++) {
    if (/^[([{]$/.test(tokens[i]!.text)) i = closing(tokens, i);
    else if (tokens[i]!.text === separator) places.push(i);
  }
  return places;
}

function wordEdits(source: string, tokens: readonly Token[], at: number): Edit[] {
  const { text } = tokens[at]!;
  const flipped = FLIPPED[text];
  if (flipped) return [{ first: at, last: at, by: flipped, around: 1 }];
  if (tokens[at + 1]!.text !== "(") return [];
  const close = closing(tokens, at + 1);
  const commas = separators(tokens, at + 1, close, ",");
  const argument = (first: number, end: number) => source.slice(tokens[first]!.at, endOf(tokens[end - 1]!));
  if (DROPPED.has(text)) return [{ first: at, last: close, by: `(${argument(at + 2, commas[0] ?? close)})` }];
  if (text !== "select" || commas.length !== 2) return [];
  const [first, second] = commas as [number, number];
  const by = `select(${argument(first + 1, second)}, ${argument(at + 2, first)}, ${argument(second + 1, close)})`;
  return [{ first: at, last: close, by }];
}

function signEdits(source: string, tokens: readonly Token[], at: number): Edit[] {
  const { text } = tokens[at]!;
  const before = tokens[at - 1]!;
  const operand = before.text !== "return" && (before.kind !== "sign" || before.text === ")" || before.text === "]");
  if (text === "[" && operand) {
    const close = closing(tokens, at);
    if (close === at + 2 && tokens[at + 1]!.kind === "number") return [];
    const index = source.slice(tokens[at + 1]!.at, endOf(tokens[close - 1]!));
    return [{ first: at, last: close, by: close === at + 2 ? `[${index} + 1u]` : `[(${index}) + 1u]`, around: 1 }];
  }
  if ((text === "-" || text === "!") && !operand) return [{ first: at, last: at, by: "", around: 1 }];
  const other = OPERATORS[text];
  return other && operand ? [{ first: at, last: at, by: other, around: 1 }] : [];
}

/** Assignments, calls and jumps that are left out. */
function statementEdits(tokens: readonly Token[], open: number, close: number): Edit[] {
  const edits: Edit[] = [];
  let first = open + 1;
  for (let i = first; i < close; i++) {
    const { text } = tokens[i]!;
    if (text === "(" || text === "[") i = closing(tokens, i);
    else if (text === "{" || text === "}") first = i + 1;
    else if (text === ";") {
      const start = tokens[first]!.text;
      const jump = i === first + 1;
      const kept = ["let", "var", "const"].includes(start) || (start === "return" && !jump) || BARRIERS.has(start);
      if (!kept && first < i) edits.push({ first, last: i, by: "" });
      first = i + 1;
    }
  }
  return edits;
}
