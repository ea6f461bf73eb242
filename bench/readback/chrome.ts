/** The measurement of waits in headless Chrome, printed as a table. */
import { launchChrome } from "../../test/browser/chrome.ts";
import { summarise } from "../statistics.ts";
import type {} from "./page.ts";

const TURNS = 150;

/** `url` is where the page is served. */
export async function measureReadback(url: string): Promise<void> {
  const browser = await launchChrome();
  try {
    const page = await browser.newPage();
    await page.goto(url);
    await page.waitForFunction(() => "measureReadback" in window);
    const { adapter, waits } = await page.evaluate((turns) => window.measureReadback(turns), TURNS);
    const time = (values: readonly number[]) => {
      const { median, low, high } = summarise(values);
      return `${median.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
    };
    console.log(`${await browser.version()}, ${adapter}: ${TURNS} turns; milliseconds, medians and quartiles`);
    const line = (cells: readonly string[]) => console.log(cells.map((cell) => cell.padStart(20)).join(""));
    line(["rounds in a launch", ...Object.keys(waits[0]!.times)]);
    for (const { rounds, times } of waits) line([String(rounds), ...Object.values(times).map(time)]);
  } finally {
    await browser.close();
  }
}
