/** The browser of the tests: where it is found, how it is started, and how it is installed where that is possible. */
import { existsSync } from "node:fs";
import puppeteer, { type Browser } from "puppeteer-core";
import { canInstall, installCommand, installPackages, softwareAdapterPackage } from "../../src/cli/install.ts";

const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/** Nothing that reaches for the network, nor what takes a core for a second after the start: the pages of an address bar that nobody sees. */
const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup",
];

/** Which GPU pages see. Tests take SwiftShader everywhere, so that results do not depend on the machine. */
const ADAPTER_FLAGS = {
  swiftshader: ["--use-webgpu-adapter=swiftshader"],
  gpu:
    process.platform === "linux"
      ? ["--use-angle=vulkan", "--enable-features=Vulkan", "--disable-vulkan-surface", "--ignore-gpu-blocklist"]
      : [],
};

export type ChromeAdapter = keyof typeof ADAPTER_FLAGS;

export function findChrome(): string | undefined {
  const { CHROME_PATH } = process.env;
  if (CHROME_PATH && !existsSync(CHROME_PATH)) throw new Error(`CHROME_PATH names ${CHROME_PATH}, which does not exist`);
  return CHROME_PATH || PLACES.find((place) => existsSync(place));
}

/** Finds a browser, or installs Debian's chromium when this process may. */
export async function ensureChrome(): Promise<string> {
  const found = findChrome();
  if (found) return found;
  const remedy = softwareAdapterPackage();
  if (!remedy?.packages.includes("chromium")) throw new Error("browser tests need Chrome or Chromium: install one, or set CHROME_PATH");
  if (!canInstall()) throw new Error(`browser tests need Chrome or Chromium: ${installCommand(remedy)}, or set CHROME_PATH`);
  console.log(`Installing chromium for the browser tests: apt-get update && ${installCommand(remedy)}`);
  const failure = await installPackages(remedy);
  const installed = findChrome();
  if (!installed)
    throw new Error(`browser tests need Chrome or Chromium, and installing it failed: ${failure ?? "no browser is there now"}`);
  return installed;
}

export interface ChromeOptions {
  readonly adapter?: ChromeAdapter;
  readonly flags?: readonly string[];
  /** Milliseconds after which a call into the page is given up; default puppeteer's three minutes. */
  readonly protocolTimeout?: number;
}

export async function launchChrome({ adapter = "swiftshader", flags = [], protocolTimeout }: ChromeOptions = {}): Promise<Browser> {
  return puppeteer.launch({
    executablePath: await ensureChrome(),
    args: [...FLAGS, ...ADAPTER_FLAGS[adapter], ...flags],
    ...(protocolTimeout !== undefined && { protocolTimeout }),
  });
}
