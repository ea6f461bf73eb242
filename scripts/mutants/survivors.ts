/** Judges a run of mutants: the score, and whether every survivor is one that is known and has a reason (survivors.json). */
import known from "./survivors.json";

export interface Mutant {
  /** By its path from the root. */
  readonly file: string;
  readonly line: number;
  /** The line in which the mutated text begins, without its indentation. */
  readonly source: string;
  readonly from: string;
  readonly to: string;
  /** Uncovered: no test of the part runs this code. */
  readonly outcome: "killed" | "survived" | "uncovered";
}

/**
 * Survivors of one reason. They are found by text, not by line, so that an entry outlives what is changed around it: every mutant
 * whose source line contains one of `lines`, or only those that turn `from` into `to`.
 */
export interface Survivors {
  readonly file: string;
  readonly lines: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly reason: string;
}

export const listed: readonly Survivors[] = known;

/** Per cent of the covered mutants that tests have to notice. */
export const LEAST_SCORE = 85;

interface Count {
  readonly killed: number;
  readonly survived: number;
  readonly uncovered: number;
}

export interface Verdict {
  readonly files: ReadonlyMap<string, Count>;
  readonly total: Count;
  readonly score: number;
  readonly unlisted: readonly Mutant[];
  /** Entries for these files that no survivor matches any more. */
  readonly stale: readonly Survivors[];
  readonly passed: boolean;
}

const matches = (mutant: Mutant, { file, lines, from, to }: Survivors) =>
  mutant.file === file &&
  lines.some((line) => mutant.source.includes(line)) &&
  (from === undefined || mutant.from === from) &&
  (to === undefined || mutant.to === to);

export function judge(mutants: readonly Mutant[], entries: readonly Survivors[]): Verdict {
  const files = new Map<string, Count>();
  for (const { file } of mutants) files.set(file, countOf(mutants.filter((mutant) => mutant.file === file)));
  const total = countOf(mutants);
  const survivors = mutants.filter(({ outcome }) => outcome === "survived");
  const unlisted = survivors.filter((mutant) => !entries.some((entry) => matches(mutant, entry)));
  const stale = entries.filter((entry) => files.has(entry.file) && !survivors.some((mutant) => matches(mutant, entry)));
  const score = scoreOf(total);
  return { files, total, score, unlisted, stale, passed: score >= LEAST_SCORE && unlisted.length === 0 };
}

function countOf(mutants: readonly Mutant[]): Count {
  const of = (outcome: Mutant["outcome"]) => mutants.filter((mutant) => mutant.outcome === outcome).length;
  return { killed: of("killed"), survived: of("survived"), uncovered: of("uncovered") };
}

/** Per cent killed of the covered ones; 100 where there are none. */
export const scoreOf = ({ killed, survived }: Count): number => (killed + survived === 0 ? 100 : (100 * killed) / (killed + survived));

/** The text between two places of StrykerJS's reports, which count from 1, and where it is. */
export function cut(
  text: string,
  start: { readonly line: number; readonly column: number },
  end: { readonly line: number; readonly column: number },
): Pick<Mutant, "line" | "source" | "from"> {
  const lines = text.split("\n");
  const offset = ({ line, column }: { readonly line: number; readonly column: number }) =>
    lines.slice(0, line - 1).reduce((sum, { length }) => sum + length + 1, column - 1);
  return { line: start.line, source: lines[start.line - 1]!.trim(), from: text.slice(offset(start), offset(end)) };
}

const oneLine = (text: string) => {
  const joined = text.replace(/\s+/g, " ");
  return joined.length > 100 ? `${joined.slice(0, 99)}…` : joined;
};

export function printVerdict(what: string, { files, total, score, unlisted, stale, passed }: Verdict, seconds: number): void {
  const row = (name: string, { killed, survived, uncovered }: Count) =>
    console.log(
      `${name.padEnd(44)}${String(killed).padStart(8)}${String(survived).padStart(10)}${String(uncovered).padStart(11)}` +
        `${scoreOf({ killed, survived, uncovered }).toFixed(1).padStart(8)} %`,
    );
  console.log(`\n${what.padEnd(44)}  killed  survived  uncovered     score`);
  for (const [file, count] of [...files].sort(([a], [b]) => a.localeCompare(b, "en"))) row(file, count);
  row("all", total);
  for (const { file, line, source, from, to } of unlisted)
    console.log(`survived: ${file}:${line}: ${oneLine(from)}  →  ${oneLine(to)}${from === source ? "" : `\n    in ${oneLine(source)}`}`);
  for (const { file, lines, reason } of stale) console.log(`survives no more: ${file}: ${lines.join(" | ")} (${reason})`);
  console.log(
    `${what}: ${passed ? "passed" : `failed: the score has to be ${LEAST_SCORE} %, it is ${score.toFixed(1)} %, and survivors.json lacks ${unlisted.length}`}; ${seconds.toFixed(0)} s`,
  );
}
