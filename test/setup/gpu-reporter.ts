/** Says on which adapters the GPU tests ran and how many there were, and fails a full run with too few of them. */
import type { Reporter, TestModule, TestSpecification, Vitest } from "vitest/node";

/**
 * The least number of tests, by project, that a full run has to run on an adapter: whoever breaks the collection of tests, or
 * makes them skip, hears of it. Raise it as tests are added.
 */
const FLOOR: Readonly<Record<string, number>> = { gpu: 900, browser: 9 };

export default class GpuReporter implements Reporter {
  private vitest!: Vitest;
  /** Projects of which all tests were asked for, as opposed to some files or names. */
  private readonly whole = new Set<string>();

  onInit(vitest: Vitest): void {
    this.vitest = vitest;
  }

  async onTestRunStart(asked: readonly TestSpecification[]): Promise<void> {
    if (this.vitest.config.testNamePattern) return;
    const all = await this.vitest.globTestSpecifications();
    const countOf = (specifications: readonly TestSpecification[], name: string) =>
      specifications.filter(({ project }) => project.name === name).length;
    for (const { name } of this.vitest.projects) if (countOf(asked, name) === countOf(all, name)) this.whole.add(name);
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    for (const { name } of this.vitest.projects) {
      const tests = modules.filter(({ project }) => project.name === name).flatMap((module) => [...module.children.allTests()]);
      const floor = this.whole.has(name) ? FLOOR[name] : undefined;
      if (!(name in FLOOR) || (tests.length === 0 && floor === undefined)) continue;
      const ran = tests.filter((test) => test.meta().adapters && ["passed", "failed"].includes(test.result().state));
      const adapters = [...new Set(ran.flatMap((test) => test.meta().adapters))];
      const on = adapters.length > 0 ? ` on ${adapters.join(" and ")}` : "";
      const skipped = tests.length > ran.length ? `, ${tests.length - ran.length} did not` : "";
      console.log(`${name}: ${ran.length} tests ran${on}${skipped}`);
      if (floor !== undefined && ran.length < floor) {
        console.error(`${name}: at least ${floor} tests have to run on an adapter; see test/setup/gpu-reporter.ts`);
        process.exitCode = 1;
      }
    }
  }
}
