// What the command says: results on stdout, everything else on stderr.

/** The part of a stream that is used, so that tests can listen in. */
export interface Sink {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

/** Where there is no terminal to redraw, progress is a line now and then. */
const SECONDS_BETWEEN_LINES = 5;
/** A live line redrawn more often than this only flickers. */
const SECONDS_BETWEEN_REDRAWS = 0.1;

export class Terminal {
  /** With --json, stdout carries the report and nothing else. */
  json = false;
  #live = false;
  #lastProgress = Number.NEGATIVE_INFINITY;
  #pending: string | undefined;

  constructor(
    private readonly stdout: Sink,
    private readonly stderr: Sink,
    private readonly now: () => number = () => performance.now() / 1000,
  ) {}

  /** A result for people; with --json it goes nowhere, the report says the same. */
  print(text: string): void {
    this.endProgress();
    if (!this.json) this.stdout.write(`${text}\n`);
  }

  /** The machine-readable report; only with --json. */
  report(value: unknown): void {
    this.endProgress();
    if (this.json) this.stdout.write(`${toJson(value)}\n`);
  }

  /** Something worth knowing that is not a result. */
  note(text: string): void {
    this.endProgress();
    this.stderr.write(`${text}\n`);
  }

  /** Replaces the live line of a terminal, or writes a line every few seconds elsewhere. */
  progress(text: string): void {
    const time = this.now();
    const interval = this.stderr.isTTY ? SECONDS_BETWEEN_REDRAWS : SECONDS_BETWEEN_LINES;
    if (this.#lastProgress === Number.NEGATIVE_INFINITY && !this.stderr.isTTY) this.#lastProgress = time;
    this.#pending = text;
    if (time - this.#lastProgress < interval) return;
    this.#lastProgress = time;
    this.#draw(text);
  }

  /** Leaves the last state of the live line standing. */
  endProgress(): void {
    if (this.#live) {
      if (this.#pending !== undefined) this.#draw(this.#pending);
      this.stderr.write("\n");
    }
    this.#live = false;
    this.#pending = undefined;
    this.#lastProgress = Number.NEGATIVE_INFINITY;
  }

  #draw(text: string): void {
    this.#pending = undefined;
    if (!this.stderr.isTTY) {
      this.stderr.write(`${text}\n`);
      return;
    }
    // Cut to the width: a line that wraps can no longer be redrawn.
    const width = (this.stderr.columns || 80) - 1; // 0 where the terminal does not know
    this.stderr.write(`\r\u001b[K${text.slice(0, width)}`);
    this.#live = true;
  }
}

/** JSON with typed arrays as plain lists. NaN and Infinity, which JSON lacks, are null. Lists of numbers stay on one line. */
export function toJson(value: unknown): string {
  const text = JSON.stringify(
    value,
    (_key, entry: unknown) => {
      if (ArrayBuffer.isView(entry) && !(entry instanceof DataView)) return Array.from(entry as unknown as ArrayLike<number>);
      if (typeof entry === "number" && !Number.isFinite(entry)) return null;
      return entry;
    },
    2,
  );
  // Line breaks are escaped inside strings, so one that follows "[" belongs to a list.
  return text.replace(/\[\n\s+((?:null|[-+.\deE,\s])*?)\n\s*\]/g, (_list, numbers: string) => `[${numbers.replace(/\s+/g, " ")}]`);
}
