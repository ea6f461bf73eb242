/** The ONNX project's cases, where they are present; `npm run conformance` prints them per op. */
import { describe, expect, test } from "vitest";
import { sharedEngine } from "../gpu/engine.ts";
import { runCase, suiteCases } from "./onnx-suite.ts";

const cases = suiteCases();

describe.runIf(cases.length > 0)("the ONNX suite", () => {
  test.each(cases.map((entry) => [`${entry.suite}/${entry.name}`, entry] as const))("%s", async (_, entry) => {
    const outcome = await runCase(await sharedEngine(), entry);
    if (outcome.status !== "skipped") expect(outcome).toMatchObject({ status: "passed" });
  });
});
