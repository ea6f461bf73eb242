/** `npm run bench`: Nudge beside its peers in the same headless Chrome. bench/README.md says how to read it. */
import { Command } from "commander";
import { cpus, platform, arch } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AdapterFacts } from "../src/kernels/op.ts";
import { launchChrome, type ChromeAdapter } from "../test/browser/chrome.ts";
import { chartOf } from "./chart.ts";
import { judge, type Cells } from "./compare.ts";
import { contestants, versions } from "./contestants.ts";
import { leastBytes } from "./least-memory.ts";
import { loadModel, missingModels, modelNames, type BenchModel } from "./models.ts";
import { missed, writeResults, type ResultRow, type Results } from "./results.ts";
import { rows, type Row } from "./rows.ts";
import { budgets, Runner } from "./runner.ts";
import { serveBench, type BenchServer } from "./server.ts";
import { measureSizes, type SizeRow } from "./sizes.ts";
import { cellText, resultsText, verdictText, wasteText } from "./table.ts";

const FOLDER = fileURLToPath(new URL("results", import.meta.url));
/** One of each kind: a small one, one of the table's middle, one large. */
const QUICK_MODELS = ["lenet", "resnet_4b", "mobilenetv1_0.25_224"];
/** Quick runs end within this; rows that would start later are left out, and the run says so. */
const QUICK_MINUTES = 9;
const SIZES = "sizes";
const ROW_NAMES = [...rows.map(({ id }) => id), SIZES].join(", ");

interface Options {
  readonly only?: string;
  readonly models?: string;
  readonly quick?: boolean;
  readonly json?: boolean;
  readonly strict?: boolean;
  readonly gpu?: boolean;
  readonly output: string;
}

function parseOptions(argv: readonly string[]): Options {
  const program = new Command("npm run bench --")
    .description("Measures Nudge, onnxruntime-web, TensorFlow.js and jax-js side by side in headless Chrome.")
    .option("--only <pattern>", `rows whose name matches a regular expression: ${ROW_NAMES}`)
    .option("--models <list>", `networks, by comma: ${modelNames.join(", ")}`)
    .option("--quick", `at most ten minutes on two cores: fewer samples, and ${QUICK_MODELS.join(", ")} only`)
    .option("--json", "print the results as JSON on standard output; the table goes to standard error")
    .option("--strict", "exit with 1 when a row misses its target")
    .option("--gpu", "run on the machine's GPU instead of SwiftShader")
    .option("--output <folder>", "where <date>-<adapter>.json and .svg go", FOLDER)
    .showHelpAfterError();
  return program.parse(argv, { from: "user" }).opts<Options>();
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Of onnxruntime-web's two builds, the one that loses the first forward row sits out the rest of the network. */
function dropSlowerBuild(runner: Runner, cells: Cells): void {
  const builds = ["ort-jsep", "ort-webgpu"].flatMap((id) => {
    const cell = cells[id];
    return cell?.status === "measured" ? [{ id, median: cell.median }] : [];
  });
  if (builds.length < 2) return;
  const [, slower] = builds.sort((a, b) => a.median - b.median);
  runner.omit(slower!.id, "slower build");
}

interface Plan {
  readonly server: BenchServer;
  readonly adapter: ChromeAdapter;
  readonly planner: AdapterFacts;
  readonly mode: "full" | "quick";
  readonly wanted: readonly Row[];
  readonly deadline: number;
}

async function measureModel(model: BenchModel, { server, adapter, planner, mode, wanted, deadline }: Plan): Promise<ResultRow[]> {
  const runner = new Runner(server, adapter, model, budgets[mode]);
  const results: ResultRow[] = [];
  const left = wanted.filter(({ heavyInBatch }) => !(mode === "quick" && model.heavy && heavyInBatch));
  server.offer(model);
  try {
    for (const row of left) {
      if (Date.now() > deadline) {
        say(`${model.name}, ${row.title}: left out, the time of a quick run is over`);
        continue;
      }
      const cells = await runner.measure(row);
      const verdict = judge(row, cells);
      if (row.id === "forward-1") dropSlowerBuild(runner, cells);
      const least = row.measure === "memory" && row.work ? leastBytes(model.bytes, row.work, planner) : undefined;
      const result = { model: model.name, row: row.id, title: row.title, measure: row.measure, cells, verdict };
      results.push(least === undefined ? result : { ...result, least });
      const { ratio, target, outcome } = verdictText(verdict);
      say(`${model.name}, ${row.title}: ${ratio}, target ${target} ${outcome}`);
      for (const line of wasteText(results.at(-1)!)) say(`    ${line}`);
      for (const { id, name } of contestants) say(`    ${name.padEnd(12)}${cellText(cells[id]!, row.measure)}`);
    }
  } finally {
    await runner.close();
  }
  return results;
}

interface MachineFacts {
  readonly results: Pick<Results, "adapter" | "browser">;
  /** What Nudge's planner knows of the adapter. */
  readonly planner: AdapterFacts;
}

async function machineFacts(server: BenchServer, adapter: ChromeAdapter): Promise<MachineFacts> {
  const browser = await launchChrome({ adapter });
  try {
    const page = await browser.newPage();
    await page.goto(`${server.url}/nudge.html`);
    const found = await page.evaluate(async () => {
      const gpu = await navigator.gpu?.requestAdapter();
      if (!gpu) return undefined;
      const { vendor, architecture, description, subgroupMinSize } = gpu.info;
      const subgroupSize = gpu.features.has("subgroups") ? (subgroupMinSize ?? 0) : 0;
      const { maxComputeInvocationsPerWorkgroup: maxInvocations, maxComputeWorkgroupStorageSize: maxWorkgroupBytes } = gpu.limits;
      return { names: { vendor, architecture, description }, subgroupSize, maxInvocations, maxWorkgroupBytes };
    });
    if (!found) throw new Error("this Chrome finds no WebGPU adapter");
    const { names, ...limits } = found;
    return {
      results: { adapter: names, browser: await browser.version() },
      planner: { ...names, ...limits, software: adapter === "swiftshader", f16: false },
    };
  } finally {
    await browser.close();
  }
}

export async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  const started = Date.now();
  const mode = options.quick ? "quick" : "full";
  const pattern = new RegExp(options.only ?? ".");
  const wanted = rows.filter(({ id }) => pattern.test(id));
  if (wanted.length === 0 && !pattern.test(SIZES)) throw new Error(`no row matches ${options.only}; there are ${ROW_NAMES}`);
  const asked = options.models?.split(",") ?? (options.quick ? QUICK_MODELS : modelNames);
  const unknown = asked.filter((name) => !modelNames.includes(name));
  if (unknown.length > 0) throw new Error(`no model ${unknown.join(", ")}; there are ${modelNames.join(", ")}`);
  const missing = missingModels(asked);
  if (missing.length > 0) say(`Left out, for want of their files: ${missing.join(", ")}`);

  say("Building the pages");
  const server = await serveBench();
  const adapter = options.gpu ? "gpu" : "swiftshader";
  const deadline = mode === "quick" ? started + QUICK_MINUTES * 60_000 : Infinity;
  try {
    const facts = await machineFacts(server, adapter);
    const sizes: SizeRow[] = pattern.test(SIZES) ? await measureSizes() : [];
    const measured: ResultRow[] = [];
    const names = wanted.length > 0 ? asked.filter((model) => !missing.includes(model)) : [];
    for (const [i, name] of names.entries()) {
      // What is left of a quick run is shared out evenly.
      const until = Date.now() + (deadline - Date.now()) / (names.length - i);
      const plan = { server, adapter, planner: facts.planner, mode, wanted, deadline: until } as const;
      measured.push(...(await measureModel(await loadModel(name), plan)));
    }
    const results: Results = {
      date: new Date(started).toISOString().replace(/\.\d+/, ""),
      ...facts.results,
      cores: cpus().length,
      system: `${platform()} ${arch()}, Node ${process.versions.node}`,
      versions: versions(),
      mode,
      missing,
      rows: measured,
      sizes,
    };
    const files = await writeResults(options.output, results, await chartOf(results));
    const text = resultsText(results);
    if (options.json) {
      say(text);
      console.log(JSON.stringify(results, undefined, 2));
    } else {
      console.log(text);
    }
    say(`${files.map((file) => join(file)).join("\n")}\n${Math.round((Date.now() - started) / 1000)} s`);
    return options.strict && missed(results).length > 0 ? 1 : 0;
  } finally {
    server.close();
  }
}
