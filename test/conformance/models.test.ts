/** docs/models.md lists the models of the collection, with what they hold; `npm run models` writes it. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { measuredIn, modelsPage, readModelsPage, staticCells } from "../../scripts/models-table.ts";
import { describeModel, loadRareOps } from "../../src/index.ts";
import { dimensions } from "./measurements.ts";
import { indexedModels, readBytes } from "./shared-data.ts";

await loadRareOps();

const text = readFileSync(new URL("../../docs/models.md", import.meta.url), "utf8");
const page = readModelsPage(text);
const entries = indexedModels();

/** model, ops, parameters and multiply-adds: what fusion does not change. */
const FIXED_COLUMNS = 4;

describe.runIf(entries.length > 0)("docs/models.md", () => {
  const described = entries.map(({ file }) => ({ file, described: describeModel(readBytes(`models/${file}`), { dimensions }) }));

  test("lists every model with its ops, parameters and multiply-adds; npm run models -- --static makes it so", () => {
    expect(page.rows.map((row) => row.slice(0, FIXED_COLUMNS))).toEqual(described.map((row) => staticCells(row).slice(0, FIXED_COLUMNS)));
  });

  test("every model that is not refused has been measured", () => {
    described.forEach(({ described: { unsupported } }, i) => {
      const measured = measuredIn(page.rows[i])!;
      expect(measured.batch1 !== "", page.rows[i]![0]).toBe(unsupported.length === 0);
    });
  });

  test("a page is read as it is written", () => {
    const rows = described.map((row, i) => ({ ...row, measured: measuredIn(page.rows[i]) }));
    const written = modelsPage(rows, page.adapter);
    const read = readModelsPage(written);
    expect(read.adapter).toBe(page.adapter);
    expect(modelsPage(rows, read.adapter)).toBe(written);
    expect(read.rows.map(measuredIn)).toEqual(rows.map(({ measured }) => measured));
  });
});
