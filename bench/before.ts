/**
 * `npm run bench:before`: this checkout beside another build of Nudge, such as that of the commit before, in the same headless Chrome.
 * Both do the same calls by turns, so that the machine's moods meet both.
 */
import { Command } from "commander";
import { median } from "d3-array";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Cell } from "./compare.ts";
import { NUDGE, nudgeBefore } from "./contestants.ts";
import { loadModel, missingModels, modelNames } from "./models.ts";
import { rows } from "./rows.ts";
import { type Budget, budgets, Runner } from "./runner.ts";
import { serveBench } from "./server.ts";
import { cellText, figure, grid } from "./table.ts";

/** Small differences need many samples of short calls. */
const BUDGET: Budget = { ...budgets.quick, most: 200, least: 5, row: 5_000, cold: 12_000 };

interface Options {
  readonly only: string;
  readonly models: string;
  readonly full?: boolean;
  readonly most: number;
  readonly gpu?: boolean;
}

/** How much slower now, in percent; undefined where one of the two has no figure. */
export function slowdown(now: Cell | undefined, before: Cell | undefined): number | undefined {
  if (now?.status !== "measured" || before?.status !== "measured") return undefined;
  return (now.median / before.median - 1) * 100;
}

/** Slowdowns that exceed `most` percent where the middle halves of the samples do not even overlap. */
export function slower(now: Cell | undefined, before: Cell | undefined, most: number): boolean {
  const percent = slowdown(now, before);
  if (percent === undefined || percent <= most) return false;
  return now?.status === "measured" && before?.status === "measured" && now.low > before.high;
}

/** Returns 1 where a row is slower than before, beyond what the samples' spread explains. */
export async function main(argv: readonly string[]): Promise<number> {
  const program = new Command("npm run bench:before --")
    .description("Measures this checkout against another build of Nudge, call by call in turns, in headless Chrome.")
    .argument("<dist>", "the other build: the folder dist of another checkout after npm run build")
    .option("--only <pattern>", `rows whose name matches a regular expression: ${rows.map(({ id }) => id).join(", ")}`, ".")
    .option("--models <list>", `networks, by comma: ${modelNames.join(", ")}`, "lenet")
    .option("--full", "large networks in batches too, and time for them")
    .option("--most <percent>", "a row may be slower by so much", Number, 3)
    .option("--gpu", "run on the machine's GPU instead of SwiftShader")
    .addHelpText(
      "after",
      "\nExample:\n  git worktree add ../before HEAD~1 && (cd ../before && npm ci)\n  npm run bench:before -- ../before/dist --models lenet,resnet_4b",
    )
    .showHelpAfterError();
  const options = program.parse(argv, { from: "user" }).opts<Options>();
  const library = resolve(program.args[0]!);
  if (!existsSync(join(library, "index.js"))) throw new Error(`${library} has no index.js; build that checkout first`);
  const wanted = rows.filter(({ id, measure }) => measure === "time" && new RegExp(options.only).test(id));
  if (wanted.length === 0) throw new Error(`no row matches ${options.only}`);
  const models = options.models.split(",");
  const unknown = models.filter((name) => !modelNames.includes(name));
  if (unknown.length > 0) throw new Error(`no network ${unknown.join(", ")}; there are ${modelNames.join(", ")}`);
  const missing = missingModels(models);
  if (missing.length > 0) throw new Error(`not here: ${missing.join(", ")}; bench/README.md says where networks are looked for`);

  const entries = nudgeBefore(library);
  const server = await serveBench(entries);
  const lines = [["", "now", "before", "slower by"]];
  const percents: number[] = [];
  let tooSlow = 0;
  try {
    for (const name of models) {
      const model = await loadModel(name);
      server.offer(model);
      const runner = new Runner(server, options.gpu ? "gpu" : "swiftshader", model, options.full ? budgets.full : BUDGET, entries);
      try {
        for (const row of wanted.filter(({ heavyInBatch }) => !(model.heavy && heavyInBatch && !options.full))) {
          const cells = await runner.measure(row);
          const [now, before] = entries.map(({ id }) => cells[id]!) as [Cell, Cell];
          const percent = slowdown(now, before);
          const flagged = slower(now, before, options.most);
          if (percent !== undefined) percents.push(percent);
          if (flagged) tooSlow++;
          const verdict = percent === undefined ? "–" : `${percent.toFixed(1)} %${flagged ? " SLOWER" : ""}`;
          lines.push([`${name}, ${row.title}`, cellText(now, row.measure), cellText(before, row.measure), verdict]);
          process.stderr.write(`${lines.at(-1)!.join("  ")}\n`);
        }
      } finally {
        await runner.close();
      }
    }
  } finally {
    server.close();
  }
  console.log(grid(lines));
  if (percents.length > 0)
    console.log(`median over ${percents.length} rows: ${figure(median(percents)!)} % slower; ${NUDGE} must not exceed ${options.most} %`);
  return tooSlow > 0 ? 1 : 0;
}
