/** The comparison as a picture: how many times faster than the best peer, with the target beside it. */
import type { TopLevelSpec } from "vega-lite";
import type { Results } from "./results.ts";
import { svgOf } from "./svg.ts";
import { figure } from "./table.ts";

const WIDTH = 460;
const BAR_STEP = 13;
const COLOURS = { met: "#2a7f62", missed: "#c8553d", open: "#8d99ae" } as const;
/** Where the best peer was given up, its time is a lower bound, which may not say whether a target is met. */
const OUTCOMES = { met: "target met", missed: "target missed", open: "not known" } as const;
const INK = "#333";
const MUTED = "#666";

interface Bar {
  readonly title: string;
  readonly model: string;
  readonly ratio: number;
  readonly target: number;
  readonly outcome: string;
  readonly label: string;
}

function barsOf({ rows }: Results): Bar[] {
  return rows.flatMap(({ title, model, measure, verdict: { ratio, target, met, atLeast } }) =>
    ratio === undefined || measure !== "time"
      ? []
      : [
          {
            title,
            model,
            ratio,
            target,
            outcome: met === undefined ? OUTCOMES.open : met ? OUTCOMES.met : OUTCOMES.missed,
            label: `${atLeast ? "≥ " : ""}${figure(ratio)}×`,
          },
        ],
  );
}

/** An SVG; empty charts are charts too. */
export async function chartOf(results: Results): Promise<string> {
  const bars = barsOf(results);
  const { adapter, browser, cores } = results;
  const titles = [...new Set(results.rows.map(({ title }) => title))];
  const models = [...new Set(results.rows.map(({ model }) => model))];
  const y = { field: "model", type: "nominal", sort: models, title: null } as const;
  const spec: TopLevelSpec = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    padding: 12,
    title: {
      text: "Times faster than the best peer",
      subtitle: `${browser}, ${adapter.description || adapter.architecture}, ${cores} cores; the line is the target`,
      anchor: "start",
      color: INK,
      subtitleColor: MUTED,
    },
    data: { values: bars },
    facet: {
      row: {
        field: "title",
        type: "nominal",
        sort: titles,
        title: null,
        header: { labelAngle: 0, labelAlign: "left", labelColor: INK, labelFontWeight: "bold" },
      },
    },
    spacing: 8,
    spec: {
      width: WIDTH,
      height: { step: BAR_STEP },
      layer: [
        {
          mark: { type: "bar", height: { band: 0.75 } },
          encoding: {
            y,
            x: { field: "ratio", type: "quantitative", scale: { type: "log", domainMin: 0.5, nice: false }, title: null },
            x2: { datum: 1 },
            color: {
              field: "outcome",
              type: "nominal",
              scale: { domain: Object.values(OUTCOMES), range: Object.values(COLOURS) },
              legend: { orient: "bottom", title: null },
            },
          },
        },
        {
          mark: { type: "tick", color: INK, thickness: 1.5, height: { band: 1 } },
          encoding: { y, x: { field: "target", type: "quantitative" } },
        },
        {
          mark: { type: "text", align: "left", dx: 4, fontSize: 9, color: INK },
          encoding: { y, x: { field: "end", type: "quantitative" }, text: { field: "label" } },
          transform: [{ calculate: "max(datum.ratio, datum.target)", as: "end" }],
        },
      ],
    },
    resolve: { scale: { y: "independent" } },
    config: {
      view: { stroke: "#ddd" },
      axis: { labelColor: MUTED, gridColor: "#eee", domain: false, tickColor: "#ddd" },
      font: "sans-serif",
    },
  };
  return svgOf(spec);
}
