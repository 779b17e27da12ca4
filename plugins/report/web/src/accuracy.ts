// The plot of a comparison of searches: accuracy against the tokens of a problem.

import * as Plot from "@observablehq/plot";
import type { AccuracyCurve } from "./documents";
import { oneLine } from "./marks";
import { colorOf, figure, SHARED } from "./training";

interface Point {
  x: number;
  y: number;
  low: number;
  high: number;
  search: string;
  color: string;
}

/** The points of all curves, in percent. */
export function accuracyPoints(curves: readonly AccuracyCurve[]): Point[] {
  return curves.flatMap(({ search, tokens, accuracy, low, high }, index) =>
    tokens.map((x, i) => ({
      x,
      y: 100 * accuracy[i]!,
      low: 100 * low[i]!,
      high: 100 * high[i]!,
      search: oneLine(search, 40),
      color: colorOf(index),
    })),
  );
}

export function accuracyPlot(curves: readonly AccuracyCurve[]): HTMLElement {
  const points = accuracyPoints(curves);
  const title = ({ search, x, y, low, high }: Point): string =>
    `${search}\ntokens ${x.toFixed(0)}\naccuracy ${y.toFixed(1)} [${low.toFixed(1)}, ${high.toFixed(1)}]`;
  const plot = Plot.plot({
    ...SHARED,
    width: 720,
    height: 360,
    marginRight: 150,
    x: { label: "tokens per problem", type: "log", ticks: 6, tickFormat: String },
    y: { label: "accuracy (%)", grid: true, ticks: 5 },
    marks: [
      Plot.ruleX(points, { x: "x", y1: "low", y2: "high", stroke: "color", strokeOpacity: 0.5 }),
      Plot.lineY(points, { x: "x", y: "y", z: "search", stroke: "color", strokeWidth: 1.6 }),
      Plot.dot(points, { x: "x", y: "y", r: 2.5, fill: "color" }),
      Plot.text(
        points,
        Plot.selectLast({
          x: "x",
          y: "y",
          z: "search",
          text: "search",
          dx: 6,
          textAnchor: "start",
        }),
      ),
      Plot.tip(points, Plot.pointer({ x: "x", y: "y", title, maxRadius: 60 })),
    ],
  });
  return figure("Accuracy against tokens per problem, with 95 % intervals", plot);
}
