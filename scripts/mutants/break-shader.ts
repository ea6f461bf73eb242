/** Runs before a file of tests: says where this process is found, and which shader is broken in it (see vitest.config.ts). */
import { writeFileSync } from "node:fs";
import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    brokenShader: { readonly file: string; readonly text: string } | undefined;
    processFile: string;
  }
}

declare global {
  var brokenShader: { readonly file: string; readonly text: string } | undefined;
}

writeFileSync(inject("processFile"), String(process.pid));
globalThis.brokenShader = inject("brokenShader");
