/** The built library in a real page, under a policy that forbids code from strings, against the same work in Node. */
import { readFileSync } from "node:fs";
import type { Browser, Page } from "puppeteer-core";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import * as nudge from "../../src/index.ts";
import { sharedEngine } from "../gpu/engine.ts";
import { relativeError } from "../gpu/numbers.ts";
import { nameOf } from "../setup/gpu.ts";
import { launchChrome } from "./chrome.ts";
import { attacks, derivatives, universal, type Inputs } from "./computation.ts";
import type { Outcome, Scenarios } from "./page.ts";

const inputs: Inputs = { model: readFileSync("models/lenet.onnx"), digits: readFileSync("models/mnist-digits.bin") };
const DERIVATIVE_ERROR = 1e-5;
const ATTACK_ERROR = 1e-3;

let browser: Browser;
/** The adapter and the browser, for the report. */
let where: string;

/**
 * Opens the page for a scenario and returns what it came to, and the errors that nobody handled. `meanwhile` acts on the page while
 * it works.
 */
async function visit<Name extends keyof Scenarios>(
  scenario: Name,
  meanwhile?: (page: Page) => Promise<void>,
): Promise<Outcome<Awaited<ReturnType<Scenarios[Name]>>> & { readonly errors: readonly string[] }> {
  const page = await browser.newPage();
  try {
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    const printed: string[] = [];
    page.on("console", (message) => message.type() === "error" && printed.push(message.text()));
    await page.goto(`${inject("pageUrl")}?scenario=${scenario}`);
    await meanwhile?.(page);
    const outcome = await page
      .evaluate(() => window.outcome)
      .catch((error: Error) => expect.fail(`${error.message} ${[...errors, ...printed].join("; ")}`));
    return { ...(outcome as Outcome<Awaited<ReturnType<Scenarios[Name]>>>), errors };
  } finally {
    await page.close();
  }
}

/** What a scenario came to; fails on breaches of the policy and on errors that nobody handled, rejected promises among them. */
async function resultOf<Name extends keyof Scenarios>(scenario: Name, meanwhile?: (page: Page) => Promise<void>) {
  const { result, violations, errors } = await visit(scenario, meanwhile);
  expect(violations).toEqual([]);
  expect(errors).toEqual([]);
  return result;
}

beforeAll(async () => {
  browser = await launchChrome();
  where = `${nameOf(await resultOf("adapter"))} in ${await browser.version()}`;
});

beforeEach(({ task }) => {
  task.meta.adapters?.push(where);
});

afterAll(() => browser?.close());

describe("content security policy", () => {
  test("forbids code from strings on the page under test", async () => {
    const { result, violations } = await visit("policy");
    expect(result).toBe("EvalError");
    expect(violations).not.toEqual([]);
  });

  test("the library holds no code from strings", () => {
    expect(inject("library")).not.toMatch(/\beval\s*\(|\bnew Function\b|[^.\w]Function\s*\(|\bWebAssembly\b/);
  });
});

describe("the page computes what Node computes", () => {
  test("forward pass and derivatives", async () => {
    const [here, there] = [await derivatives(await sharedEngine(), inputs), await resultOf("derivatives")];
    for (const name of Object.keys(here) as (keyof typeof here)[]) {
      expect(here[name].some((value) => value !== 0)).toBe(true);
      expect(relativeError(there[name], here[name]), name).toBeLessThan(DERIVATIVE_ERROR);
    }
  });

  test("DeepFool", async () => {
    const [here, there] = [await attacks(nudge, await sharedEngine(), inputs), await resultOf("deepfool")];
    for (const [i, { norms, ...discrete }] of here.entries()) {
      const { norms: norms_, ...discrete_ } = there[i]!;
      expect(discrete_).toEqual(discrete);
      expect(discrete.status).toEqual(Array(8).fill("fooled"));
      expect(relativeError(norms_, norms), `norm ${discrete.norm}`).toBeLessThan(ATTACK_ERROR);
    }
  });

  test("universal perturbation, projection, evaluation", async () => {
    const [here, there] = [await universal(nudge, await sharedEngine(), inputs), await resultOf("universal")];
    for (const { foolingRate, largest, largestProjected, heldOut, radius } of [here, there]) {
      expect(largest).toBeCloseTo(radius, 6);
      expect(largestProjected).toBeCloseTo(radius / 2, 6);
      expect(foolingRate).toBeGreaterThan(0.2);
      expect(heldOut).toBeGreaterThan(0.2);
    }
    expect(there.foolingRate).toBeCloseTo(here.foolingRate, 1);
  });
});

describe("ops that few networks need are fetched", () => {
  test("for a model that has one, and not for LeNet", async () => {
    const { before, after, values } = await resultOf("rareOp");
    expect([before, after]).toEqual([false, true]);
    expect(relativeError(values, [-0.8427007929497149, 0, 0.5204998778130465])).toBeLessThan(DERIVATIVE_ERROR);
  });

  test("for a model that has a rare form of a common op", async () => {
    expect(await resultOf("rareForm")).toEqual({ before: false, after: true, values: [0, -1, 0, 0.5] });
  });
});

test("tuning, kept in the page's storage, and a model that goes by it", async () => {
  const { foundBefore, kept, status, logits, tunedLogits } = await resultOf("tuning");
  expect([foundBefore, kept]).toEqual([false, true]);
  expect(status).toMatchObject({ used: true });
  expect(status!.choices).toBeGreaterThan(0);
  expect(relativeError(tunedLogits, logits)).toBeLessThan(DERIVATIVE_ERROR);
});

describe("who owns the device", () => {
  test("a device that was passed in outlives the engine, whose buffers are gone", async () => {
    const { same, logits, during, after, worksAfter } = await resultOf("injectedDevice");
    expect(same).toBe(true);
    expect(logits).toHaveLength(10);
    expect(during.buffers).toBeGreaterThan(0);
    expect(after).toEqual({ ...during, buffers: 0, bytes: 0, spareBytes: 0 });
    expect(worksAfter).toBe(true);
  });

  test("the engine's own device goes with it, and engine.lost says so", async () => {
    const { during, after, reason, lost } = await resultOf("ownedDevice");
    expect(during.buffers).toBeGreaterThan(0);
    expect(after).toMatchObject({ buffers: 0, bytes: 0 });
    expect(reason).toBe("destroyed");
    expect(lost).toBe("DeviceLostError");
  });

  test("use after dispose throws DisposedError", async () => {
    const errors = await resultOf("afterDispose");
    expect(new Set(Object.values(errors))).toEqual(new Set(["DisposedError"]));
  });
});

describe("losses of the device", () => {
  test("at every phase: one DeviceLostError, and the same bits after recover()", async () => {
    const found = await resultOf("losses");
    for (const loss of found)
      expect(loss).toMatchObject({
        outcome: expect.stringMatching(/^(finished|DeviceLostError)$/) as string,
        lost: "DeviceLostError",
        next: "DeviceLostError",
        same: true,
      });
    const met = new Set(found.filter(({ outcome }) => outcome === "DeviceLostError").map(({ phase }) => phase));
    expect([...met].sort()).toEqual(expect.arrayContaining(["attack loop", "compile", "read-back", "run", "universal"]));
  });

  test("by the death of the GPU's process", async () => {
    const result = await resultOf("crash", async (page) => {
      await page.waitForFunction(() => document.title === "ready", { polling: 50 });
      const session = await browser.target().createCDPSession();
      const { processInfo } = await session.send("SystemInfo.getProcessInfo");
      for (const { type, id } of processInfo) if (type === "GPU") process.kill(id, "SIGKILL");
    });
    expect(result).toEqual({ outcome: "DeviceLostError", lost: "DeviceLostError", recovered: "finished", same: true });
  });
});
