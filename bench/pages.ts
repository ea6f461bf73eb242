/**
 * The page of one contestant, in a Chrome of its own: its own GPU process, device, caches and empty profile, so that contestants
 * share nothing but the machine, and one that is given up can be stopped. Idle ones cost no processor time.
 */
import type { Browser, Page } from "puppeteer-core";
import { launchChrome, type ChromeAdapter } from "../test/browser/chrome.ts";
import type { BenchModel } from "./models.ts";
import type { Timing, Work } from "./page/host.ts";
import type { BenchServer } from "./server.ts";

/** A call that took longer than its limit. */
export class SlowError extends Error {
  constructor(readonly milliseconds: number) {
    super(`longer than ${milliseconds / 1000} s`);
  }
}

const ANSWER = "answer";
/** Longer than any call; calls have limits of their own. */
const PROTOCOL_TIMEOUT = 3_600_000;

export class ContestantPage {
  private constructor(
    private readonly browser: Browser,
    private readonly page: Page,
    private readonly server: BenchServer,
  ) {}

  /** Opens the page and gives it a network's bytes, unread. */
  static async open(adapter: ChromeAdapter, server: BenchServer, contestant: string, model: BenchModel): Promise<ContestantPage> {
    const browser = await launchChrome({ adapter, protocolTimeout: PROTOCOL_TIMEOUT });
    try {
      const page = await ContestantPage.prepare(browser, server, contestant, model);
      return new ContestantPage(browser, page, server);
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  private static async prepare(browser: Browser, server: BenchServer, contestant: string, model: BenchModel): Promise<Page> {
    const [page = await browser.newPage()] = await browser.pages();
    const failures: string[] = [];
    page.on("pageerror", (error) => failures.push(String(error)));
    await page.goto(`${server.url}/${contestant}.html`);
    await page
      .waitForFunction(() => "bench" in window, { timeout: 60_000 })
      .catch((error: Error) => {
        throw new Error(failures[0] ?? error.message);
      });
    const { input, output, shape, classes, name } = model;
    await page.evaluate((id, facts) => window.bench.fetch(id, facts), name, { input, output, shape, classes });
    return page;
  }

  /**
   * One call, or the cold start; with `answered` its result too. Given up after `limit` milliseconds by SlowError, after which
   * the page is of no use.
   */
  async time(work: Work | undefined, limit: number, answered = false): Promise<{ timing: Timing; answer?: Float32Array }> {
    const name = answered ? ANSWER : undefined;
    const timing = await this.within(
      work
        ? this.page.evaluate((job, id) => window.bench.run(job, id), work, name)
        : this.page.evaluate((id) => window.bench.cold(id), name),
      limit,
    );
    return answered ? { timing, answer: this.server.takeAnswer(ANSWER) } : { timing };
  }

  private async within<T>(call: Promise<T>, limit: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new SlowError(limit)), limit);
    });
    call.catch(() => undefined);
    try {
      return await Promise.race([call, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    await this.browser.close();
  }
}
