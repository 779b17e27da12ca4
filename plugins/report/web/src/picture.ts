// A tree as nodes and edges, with the way that a trace takes through it.

import { hierarchy, tree as tidy } from "d3-hierarchy";
import { h } from "./dom";
import type { Shape } from "./tree";

export interface Walk {
  /** The node of each sentence, and the sentence's kind. */
  nodes: readonly number[];
  kinds: readonly string[];
  /** The sentence up to which the way is drawn; all of it is drawn faintly. */
  upTo: number;
}

export interface Look {
  /** Between 0 and 1, how strongly a node is filled. */
  strength(node: number): number;
  status(node: number): string | undefined;
}

const MARGIN = 16;
/** From this number of nodes on, the picture is drawn after the page has shown the rest. */
const LATER = 1000;
const SHADES = 8;
/** d3-hierarchy's time grows with the square of the depth. */
const DEEPEST_TIDY = 3000;
/** Of a longer walk, only what is near its present sentence is drawn. */
const LONGEST_WALK = 5000;
const NEAR = 200;

export class Picture {
  readonly element = h("canvas", { class: "picture", role: "img" });
  private x = new Float64Array();
  private y = new Float64Array();
  private base: HTMLCanvasElement | undefined;
  private parent: readonly number[] = [];
  private shape: Shape | undefined;
  private look: Look = { strength: () => 0, status: () => undefined };
  private walk: Walk | undefined;
  private selected = -1;
  private radius = 4;
  private levels = 0;
  private width = 0;
  private height = 0;
  private timer: number | undefined;
  private readonly colors = new Map<string, string>();

  constructor(
    choose: (node: number) => void,
    private readonly tallest = 300,
  ) {
    this.element.addEventListener("click", (event) => {
      const node = this.nearest(event.offsetX, event.offsetY);
      if (node >= 0) choose(node);
    });
    new ResizeObserver(() => this.resize()).observe(this.element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.resize());
  }

  setTree(parent: readonly number[], shape: Shape, look: Look, label: string): void {
    this.parent = parent;
    this.shape = shape;
    this.look = look;
    this.x = new Float64Array();
    this.levels = shape.depth.reduce((most, depth) => Math.max(most, depth), 0);
    const height = Math.min(this.tallest, 2 * MARGIN + this.levels * 30 + 8);
    this.element.style.height = `${height}px`;
    this.element.setAttribute("aria-label", label);
    this.walk = undefined;
    this.base = undefined;
    if (this.height && parent.length >= LATER) this.context(this.element);
  }

  show(selected: number, walk: Walk | undefined): void {
    this.selected = selected;
    this.walk = walk;
    if (this.parent.length < LATER) this.paint();
    else this.timer ??= window.setTimeout(() => this.paint(), 30);
  }

  private arrange(shape: Shape): void {
    this.x = new Float64Array(this.parent.length);
    this.y = new Float64Array(this.parent.length);
    if (this.levels > DEEPEST_TIDY) {
      this.arrangeLeaves(shape);
      return;
    }
    const root = tidy<number>()
      .size([1, 1])
      .separation(() => 1)(hierarchy(0, (node) => shape.children[node]!));
    root.each((at) => {
      this.x[at.data] = at.x;
      this.y[at.data] = at.y;
    });
  }

  /** Leaves side by side, and each other node above the middle of its children. */
  private arrangeLeaves(shape: Shape): void {
    const leaves = shape.order.filter((node) => !shape.children[node]!.length).length;
    let leaf = leaves;
    for (let i = shape.order.length - 1; i >= 0; i--) {
      const node = shape.order[i]!;
      const below = shape.children[node]!;
      const [first, last] = [this.x[below[0] ?? 0]!, this.x[below.at(-1) ?? 0]!];
      this.x[node] = below.length ? (first + last) / 2 : (--leaf + 0.5) / leaves;
      this.y[node] = shape.depth[node]! / this.levels;
    }
  }

  private resize(): void {
    this.width = this.element.clientWidth;
    this.height = this.element.clientHeight;
    this.base = undefined;
    this.colors.clear();
    this.show(this.selected, this.walk);
  }

  private color(name: string): string {
    const known = this.colors.get(name);
    if (known !== undefined) return known;
    const found = getComputedStyle(this.element).getPropertyValue(`--${name}`).trim();
    this.colors.set(name, found);
    return found;
  }

  private at(node: number): [number, number] {
    const [x, y] = [this.x[node]!, this.y[node]!];
    return [MARGIN + x * (this.width - 2 * MARGIN), MARGIN + y * (this.height - 2 * MARGIN)];
  }

  private nearest(x: number, y: number): number {
    let [best, least] = [-1, 24 * 24];
    for (let node = 0; node < this.x.length; node++) {
      const [a, b] = this.at(node);
      const distance = (a - x) ** 2 + (b - y) ** 2;
      if (distance < least) [best, least] = [node, distance];
    }
    return best;
  }

  /** The canvas's context, cleared, in units of the page. */
  private context(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(this.width * scale), Math.round(this.height * scale)];
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext("2d")!;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.scale(scale, scale);
    return context;
  }

  private paint(): void {
    this.timer = undefined;
    if (!this.shape || !this.width) return;
    if (!this.x.length) this.arrange(this.shape);
    this.base ??= this.paintTree();
    const context = this.context(this.element);
    context.drawImage(this.base, 0, 0, this.width, this.height);
    if (this.walk) this.paintWalk(context, this.walk);
    if (this.selected < 0) return;
    const [x, y] = this.at(this.selected);
    context.strokeStyle = this.color("ink");
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, y, this.radius + 3, 0, 7);
    context.stroke();
  }

  private paintTree(): HTMLCanvasElement {
    const canvas = document.createElement("canvas");
    const context = this.context(canvas);
    const count = this.parent.length;
    this.radius = count < 40 ? 5.5 : count < 150 ? 4 : count < 800 ? 2.6 : 1.5;
    context.strokeStyle = this.color("line-strong");
    context.lineWidth = count < 800 ? 1 : 0.4;
    context.beginPath();
    for (let node = 1; node < count; node++) {
      const [x, y] = this.at(node);
      const [a, b] = this.at(this.parent[node]!);
      context.moveTo(a, b);
      if (count < 800) context.bezierCurveTo(a, (b + y) / 2, x, (b + y) / 2, x, y);
      else context.lineTo(x, y);
    }
    context.stroke();
    this.paintNodes(context);
    return canvas;
  }

  /** Right is a filled square, wrong a cross, unread a diamond, and any other node a circle. */
  private paintNodes(context: CanvasRenderingContext2D): void {
    const groups = new Map<string, number[]>();
    for (let node = 0; node < this.parent.length; node++) {
      const status = this.look.status(node);
      const shade = Math.round(this.look.strength(node) * SHADES);
      const name =
        status === "correct"
          ? "right"
          : status === "incorrect"
            ? "wrong"
            : status
              ? "unread"
              : `${shade}`;
      const group = groups.get(name);
      if (group) group.push(node);
      else groups.set(name, [node]);
    }
    for (const [name, nodes] of groups) {
      context.beginPath();
      for (const node of nodes) this.outline(context, name, ...this.at(node));
      if (name === "wrong") {
        context.strokeStyle = this.color("wrong");
        context.lineWidth = Math.max(0.8, this.radius / 2.4);
        context.stroke();
        continue;
      }
      context.fillStyle = this.color(name === "right" ? "right" : "paper");
      context.fill();
      if (/^\d/.test(name)) {
        context.globalAlpha = 0.12 + (0.88 * Number(name)) / SHADES;
        context.fillStyle = this.color("accent");
        context.fill();
        context.globalAlpha = 1;
      }
      context.strokeStyle = this.color(
        name === "right" ? "right" : name === "unread" ? "muted" : "accent",
      );
      context.lineWidth = this.radius < 2 ? 0.5 : 1;
      context.stroke();
    }
  }

  private outline(context: CanvasRenderingContext2D, name: string, x: number, y: number): void {
    const r = this.radius;
    if (name === "wrong") {
      context.moveTo(x - r, y - r);
      context.lineTo(x + r, y + r);
      context.moveTo(x - r, y + r);
      context.lineTo(x + r, y - r);
    } else if (name === "unread") {
      context.moveTo(x, y - r - 1);
      context.lineTo(x + r + 1, y);
      context.lineTo(x, y + r + 1);
      context.lineTo(x - r - 1, y);
      context.closePath();
    } else if (name === "right" || r < 2) {
      context.rect(x - r, y - r, 2 * r, 2 * r);
    } else {
      context.moveTo(x + r, y);
      context.arc(x, y, r, 0, 7);
    }
  }

  private paintWalk(context: CanvasRenderingContext2D, walk: Walk): void {
    context.lineCap = "round";
    const far = walk.nodes.length > LONGEST_WALK ? NEAR : LONGEST_WALK;
    const end = Math.min(walk.nodes.length, walk.upTo + far);
    for (let i = Math.max(1, walk.upTo - far); i < end; i++) {
      const [from, to] = [walk.nodes[i - 1]!, walk.nodes[i]!];
      if (from === to) continue;
      const done = i <= walk.upTo;
      const [a, b] = this.at(from);
      const [x, y] = this.at(to);
      const back = walk.kinds[i] === "backtrack" || this.parent[to] !== from;
      context.globalAlpha = done ? 1 : 0.22;
      context.strokeStyle = this.color(back ? "back" : "accent");
      context.lineWidth = (i === walk.upTo ? 4 : back ? 1.6 : 2.6) * (this.radius < 2 ? 0.6 : 1);
      context.setLineDash(back ? [5, 4] : []);
      context.beginPath();
      context.moveTo(a, b);
      if (back) {
        const bend = 14 + Math.abs(b - y) / 3;
        context.bezierCurveTo(a + bend, b, x + bend, y, x, y);
      } else context.bezierCurveTo(a, (b + y) / 2, x, (b + y) / 2, x, y);
      context.stroke();
      if (back && done) this.paintArrow(context, x, y);
    }
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  private paintArrow(context: CanvasRenderingContext2D, x: number, y: number): void {
    context.setLineDash([]);
    context.beginPath();
    context.moveTo(x + this.radius + 7, y - 4);
    context.lineTo(x + this.radius + 1, y);
    context.lineTo(x + this.radius + 7, y + 4);
    context.stroke();
  }
}
