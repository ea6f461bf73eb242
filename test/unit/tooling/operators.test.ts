/** The support table in the docs is what the registry says. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { operatorsTable } from "../../../scripts/operators-table.ts";

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

test("docs/operators.md is up to date; npm run operators makes it so", async () => {
  expect(read("docs/operators.md")).toBe(await operatorsTable(JSON.parse(read("test/conformance/counts.json")) as Record<string, number>));
});
