/** The kernel benchmarks in headless Chrome. */
import { Command } from "commander";
import type { Page } from "puppeteer-core";
import { launchChrome } from "../../test/browser/chrome.ts";
import { withKernelOptions } from "./options.ts";
import type { CommandOptions } from "./options.ts";
import { deliver } from "./save.ts";
import type { Draw } from "./save.ts";

interface ChromeOptions extends CommandOptions {
  readonly gpu?: boolean;
  readonly robustness: boolean;
}

const LONGEST_RUN = 6 * 3_600_000;

/** What Chrome is started with besides the flags of the tests. */
export function chromeFlags({ robustness }: Pick<ChromeOptions, "robustness">): string[] {
  return [
    // With this or --enable-unsafe-webgpu Chrome does not round timestamps to about 100 µs; reports say what was found.
    "--enable-webgpu-developer-features",
    ...(robustness ? [] : ["--enable-dawn-features=disable_robustness"]),
  ];
}

/** The page's promise, or what went wrong in the page meanwhile. */
async function run(page: Page, url: string, options: ChromeOptions, host: string) {
  const crashed = new Promise<never>((_, reject) => {
    page.on("pageerror", (error) => reject(error instanceof Error ? error : new Error(String(error))));
    page.on("error", reject);
  });
  page.on("console", (message) => console.error(message.text()));
  await page.goto(url);
  await page.waitForFunction(() => "kernelBenchmarks" in window);
  const { only, quick, large, f16, samples, robustness } = options;
  const wanted = {
    ...(only && { only }),
    ...(quick && { quick }),
    ...(large && { large }),
    ...(f16 && { f16 }),
    ...(samples && { samples }),
  };
  return Promise.race([crashed, page.evaluate((...given) => window.kernelBenchmarks(...given), wanted, host, robustness)]);
}

/** The command; `url` is where the page is served. */
export function chromeCommand(url: string, output: string, draw: Draw): Command {
  return withKernelOptions(new Command("bench:kernels").description("times every kernel variant in headless Chrome"), output)
    .option("--gpu", "on the machine's GPU instead of SwiftShader")
    .option("--no-robustness", "without the clamps that Dawn puts around indices")
    .action(async (options: ChromeOptions) => {
      const browser = await launchChrome({
        adapter: options.gpu ? "gpu" : "swiftshader",
        flags: chromeFlags(options),
        protocolTimeout: LONGEST_RUN,
      });
      try {
        const report = await run(await browser.newPage(), url, options, await browser.version());
        await deliver(report, options, draw);
      } finally {
        await browser.close();
      }
    });
}
