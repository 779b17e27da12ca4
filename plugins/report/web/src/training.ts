// The section "Training": curves over steps, and accuracy against backtracks.

import * as Plot from "@observablehq/plot";
import { pearson } from "./correlation";
import { h } from "./dom";
import type { TrainingCurves, TrainingDocument } from "./documents";
import { oneLine } from "./marks";
import { decimal } from "./numbers";
import type { Source } from "./source";

/** The curves that are shown first; all others follow by name. */
const FIRST = [
  "reward",
  "pass_rate",
  "loss",
  "response_tokens",
  "backtracks",
  "accuracy",
  "verdict/correct",
  "kl",
  "entropy",
];
const COLORS = 6;

interface Point {
  x: number;
  y: number;
  training: string;
  color: string;
}

export function colorOf(index: number): string {
  return `var(--series-${index % COLORS})`;
}

/** The trainings' titles, made different where two are the same. */
function titles(trainings: readonly TrainingCurves[]): string[] {
  const seen = new Map<string, number>();
  return trainings.map(({ title }) => {
    const times = (seen.get(title) ?? 0) + 1;
    seen.set(title, times);
    return oneLine(times > 1 ? `${title} (${times})` : title, 80);
  });
}

export function seriesNames(trainings: readonly TrainingCurves[]): string[] {
  const names = [...new Set(trainings.flatMap(({ series }) => series.map(({ name }) => name)))];
  const rank = (name: string): number => {
    const at = FIRST.indexOf(name);
    return at < 0 ? FIRST.length : at;
  };
  return names.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** The points of a curve in the order of steps, with a gap (NaN) where no value was logged. */
function pointsOf(
  trainings: readonly TrainingCurves[],
  names: readonly string[],
  name: string,
): Point[] {
  return trainings.flatMap(({ series }, index) => {
    const curve = series.find((one) => one.name === name);
    if (!curve) return [];
    const points = curve.x.map((x, i) => ({
      x,
      y: curve.y[i] ?? NaN,
      training: names[index]!,
      color: colorOf(index),
    }));
    return points.sort((a, b) => a.x - b.x);
  });
}

export function figure(title: string, plot: Element, ...more: Node[]): HTMLElement {
  for (const part of plot.querySelectorAll("g[aria-label]")) part.removeAttribute("aria-label");
  plot.setAttribute("role", "img");
  plot.setAttribute("aria-label", title);
  return h("figure", { class: "plot" }, h("figcaption", {}, title), plot, ...more);
}

function tick(value: number): string {
  const size = Math.abs(value);
  return size >= 1e5 || (size > 0 && size < 1e-3)
    ? String(Number(value.toPrecision(3)).toExponential())
    : String(Number(value.toPrecision(4)));
}

export const SHARED: Plot.PlotOptions = {
  className: "plot-svg",
  width: 460,
  height: 240,
  marginLeft: 56,
  marginBottom: 34,
  style: {},
};

function tipOf(names: readonly string[], x: string, y: string) {
  return (point: Point): string =>
    `${names.length > 1 ? `${point.training}\n` : ""}${x} ${point.x}\n${y} ${String(point.y)}`;
}

function curve(name: string, points: Point[], names: readonly string[]): HTMLElement {
  const known = points.filter(({ y }) => Number.isFinite(y));
  const title = oneLine(name, 120);
  const plot = Plot.plot({
    ...SHARED,
    x: { label: "step", ticks: 6 },
    y: { label: null, grid: true, ticks: 5, tickFormat: tick },
    marks: [
      Plot.lineY(points, { x: "x", y: "y", z: "training", stroke: "color", strokeWidth: 1.6 }),
      known.length <= 60 ? Plot.dot(known, { x: "x", y: "y", r: 2, fill: "color" }) : null,
      Plot.tip(
        known,
        Plot.pointer({ x: "x", y: "y", title: tipOf(names, "step", title), maxRadius: 60 }),
      ),
    ],
  });
  return figure(title, plot);
}

function against(
  trainings: readonly TrainingCurves[],
  names: readonly string[],
): HTMLElement | undefined {
  const lines: HTMLElement[] = [];
  const points: Point[] = trainings.flatMap(({ series }, index) => {
    const accuracy = series.find(({ name }) => name === "pass_rate");
    const backtracks = series.find(({ name }) => name === "backtracks");
    if (!accuracy || !backtracks) return [];
    const at = new Map(backtracks.x.map((x, i) => [x, backtracks.y[i]]));
    const found: Point[] = [];
    accuracy.x.forEach((step, i) => {
      const [x, y] = [at.get(step), accuracy.y[i]];
      if (typeof x === "number" && typeof y === "number")
        found.push({ x, y, training: names[index]!, color: colorOf(index) });
    });
    const r = pearson(
      found.map(({ y }) => y),
      found.map(({ x }) => x),
    );
    const said = r
      ? `Pearson's r ${decimal(r.r)}, 95 % interval ${decimal(r.low)} to ${decimal(r.high)}, over ${r.points} steps`
      : "Pearson's r is not defined for these points";
    if (found.length)
      lines.push(h("p", { class: "note" }, names.length > 1 ? `${names[index]}: ` : "", said, "."));
    return found;
  });
  if (!points.length) return undefined;
  const plot = Plot.plot({
    ...SHARED,
    x: { label: "backtracks per response", ticks: 6 },
    y: { label: null, grid: true, ticks: 5 },
    marks: [
      Plot.dot(points, { x: "x", y: "y", r: 3, stroke: "color" }),
      Plot.tip(
        points,
        Plot.pointer({
          x: "x",
          y: "y",
          title: tipOf(names, "backtracks", "pass rate"),
          maxRadius: 60,
        }),
      ),
    ],
  });
  return figure("Pass rate against backtracks", plot, ...lines);
}

export class Training {
  private readonly content = h("div");
  private drawn: TrainingDocument | undefined;

  constructor(
    section: HTMLElement,
    private readonly source: Source,
  ) {
    section.append(this.content);
  }

  /** The names of the documents that are shown. */
  shown(): string[] {
    return ["training"];
  }

  async show(): Promise<void> {
    const found = await this.source.load<TrainingDocument>("training");
    if (found === this.drawn) return;
    this.drawn = found;
    const { trainings } = found;
    const names = titles(trainings);
    const legend = h("ul", { class: "legend" });
    names.forEach((name, index) =>
      legend.append(h("li", { class: `series-${index % COLORS}` }, name)),
    );
    const plots = h("div", { class: "plots" });
    const scatter = against(trainings, names);
    for (const name of seriesNames(trainings)) {
      const points = pointsOf(trainings, names, name);
      if (points.some(({ y }) => Number.isFinite(y))) plots.append(curve(name, points, names));
    }
    if (scatter) plots.prepend(scatter);
    const none = h("p", { class: "message" }, "No values were logged.");
    this.content.replaceChildren(legend, plots.childElementCount ? plots : none);
  }
}
