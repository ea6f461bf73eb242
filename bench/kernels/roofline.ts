/** The roofline picture: how much a shape computes for each byte, against how fast the best variant does it. */
import type { TopLevelSpec } from "vega-lite";
import { adapterName, bestOf } from "./report.ts";
import type { Report } from "./report.ts";
import { svgOf } from "../svg.ts";

const SIZE = { width: 640, height: 400 } as const;
/** Powers of two beyond the outermost points, so that no point lies on the frame. */
const MARGIN = 1.5;

interface Point {
  readonly intensity: number;
  readonly gflops: number;
  readonly kind: string;
  readonly pass: "forward" | "adjoint";
  readonly label: string;
}

/** One point for each shape that computes anything and was timed. */
export function pointsOf({ results }: Report): Point[] {
  return results.flatMap((shape) => {
    const best = bestOf(shape);
    if (!best?.gflops) return [];
    return [
      {
        intensity: shape.intensity,
        gflops: best.gflops,
        kind: shape.kind.replace(", adjoint", ""),
        pass: shape.adjoint ? "adjoint" : "forward",
        label: `${shape.name}: ${best.variant}`,
      },
    ];
  });
}

/** Renders a report as SVG. Throws RangeError where it holds no point. */
export async function rooflineOf(report: Report): Promise<string> {
  const points = pointsOf(report);
  if (points.length === 0) throw new RangeError("nothing to draw: no shape that computes was timed");
  const { fma, copy } = report.peaks;
  const ridge = fma.rate / copy.rate;
  const intensities = [...points.map(({ intensity }) => intensity), ridge];
  const rates = [...points.map(({ gflops }) => gflops), fma.rate];
  const [least, most] = [Math.min(...intensities) / 2 ** MARGIN, Math.max(...intensities) * 2 ** MARGIN];
  const lowest = Math.min(...rates) / 2;
  const highest = Math.max(...rates) * 2;
  // The slope starts where it enters the frame.
  const start = Math.max(least, lowest / copy.rate);
  const roof = [
    { intensity: start, gflops: start * copy.rate },
    { intensity: ridge, gflops: fma.rate },
    { intensity: most, gflops: fma.rate },
  ];
  const x = (title: string) => ({
    field: "intensity",
    type: "quantitative" as const,
    scale: { type: "log" as const, domain: [least, most], nice: false },
    title,
  });
  const y = (title: string) => ({
    field: "gflops",
    type: "quantitative" as const,
    scale: { type: "log" as const, domain: [lowest, highest], nice: false },
    title,
  });
  const spec: TopLevelSpec = {
    ...SIZE,
    background: "white",
    title: {
      text: `Kernels on ${adapterName(report.adapter)}`,
      subtitle: `${report.environment.host}, ${report.date.slice(0, 10)}; fastest variant of each shape; roofs: ${fma.rate.toPrecision(3)} GFLOP/s and ${copy.rate.toPrecision(3)} GB/s, measured`,
      anchor: "start",
    },
    layer: [
      {
        data: { values: roof },
        mark: { type: "line", color: "#444", strokeWidth: 1.5 },
        encoding: { x: x("floating-point operations per byte that must move"), y: y("GFLOP/s"), order: { field: "intensity" } },
      },
      {
        data: { values: points },
        mark: { type: "point", filled: true, size: 45, opacity: 0.85 },
        encoding: {
          x: x("floating-point operations per byte that must move"),
          y: y("GFLOP/s"),
          color: { field: "kind", type: "nominal", title: null, scale: { scheme: "category20" }, legend: { labelLimit: 0 } },
          shape: { field: "pass", type: "nominal", title: null, sort: ["forward", "adjoint"] },
          description: { field: "label" },
        },
      },
    ],
    config: { axis: { gridColor: "#eee", labelFontSize: 11 }, view: { stroke: "#ccc" }, font: "sans-serif" },
  };
  return svgOf(spec);
}
