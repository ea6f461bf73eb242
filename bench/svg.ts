/** Charts as SVG, drawn by Vega without a browser. */
import { Error as ERRORS_ONLY, logger, parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

export async function svgOf(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec, { logger: logger(ERRORS_ONLY) }).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
