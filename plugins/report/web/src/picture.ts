// A tree as nodes and edges, with the way that a trace takes through it.

import { hierarchy, tree as tidy } from "d3-hierarchy";
import { h } from "./dom";
import type { Shape } from "./tree";
import { WHOLE, Zoom } from "./zoom";

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
/**
 * From this number of nodes on, leaves stand side by side: a tidier tree takes d3-hierarchy long,
 * and is not seen at this size.
 */
const LARGE = 1000;
const SHADES = 8;
/** Marks of nodes beside the shades, which are 1 to 1 + SHADES. */
const [UNREAD, WRONG, RIGHT] = [SHADES + 2, SHADES + 3, SHADES + 4];
/** Of a longer walk, only what is near its present sentence is drawn. */
const LONGEST_WALK = 5000;
const NEAR = 200;

export class Picture {
  readonly element = h("canvas", { class: "picture", role: "img" });
  readonly zoom = new Zoom(
    this.element,
    () => [this.lefts[Math.max(0, this.selected)]!, this.tops[Math.max(0, this.selected)]!],
    () => {
      this.base = undefined;
      this.paint();
    },
  );
  /** Where each node stands in the whole picture, both between 0 and 1. */
  private x = new Float64Array();
  private y = new Float64Array();
  /** Where each node is drawn. */
  private lefts = new Float64Array();
  private tops = new Float64Array();
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
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.colors.clear();
      this.base = undefined;
      this.show(this.selected, this.walk);
    });
  }

  /** Show a tree; a grown version of the tree that is shown stays as large as it is drawn. */
  setTree(parent: readonly number[], shape: Shape, look: Look, label: string, grown = false): void {
    this.parent = parent;
    this.shape = shape;
    this.look = look;
    this.x = new Float64Array();
    this.levels = shape.depth.reduce((most, depth) => Math.max(most, depth), 0);
    this.height = Math.min(this.tallest, 2 * MARGIN + this.levels * 30 + 8);
    this.element.style.height = `${this.height}px`;
    this.element.setAttribute("aria-label", label);
    this.walk = undefined;
    this.base = undefined;
    if (!grown) this.zoom.frame = WHOLE;
  }

  show(selected: number, walk: Walk | undefined): void {
    this.selected = selected;
    this.walk = walk;
    this.paint();
    if (selected >= 0) this.zoom.reveal(this.lefts[selected]!, this.tops[selected]!);
  }

  private arrange(shape: Shape): void {
    this.x = new Float64Array(this.parent.length);
    this.y = new Float64Array(this.parent.length);
    if (this.parent.length >= LARGE) {
      this.arrangeLeaves(shape);
      return;
    }
    const root = tidy<number>()
      .size([1, 1])
      .separation(() => 1)(hierarchy(0, (node) => shape.children(node)));
    root.each((at) => {
      this.x[at.data] = at.x;
      this.y[at.data] = at.y;
    });
  }

  /** Leaves side by side, and each other node above the middle of its children. */
  private arrangeLeaves({ depth, order, size }: Shape): void {
    const { parent, x, y, levels } = this;
    const last = new Float64Array(order.length).fill(-1);
    let leaves = 0;
    for (const many of size) if (many === 1) leaves++;
    let leaf = leaves;
    for (let i = order.length - 1; i >= 0; i--) {
      const node = order[i]!;
      const first = order[i + 1]!;
      x[node] = size[node] === 1 ? (--leaf + 0.5) / leaves : (x[first]! + last[node]!) / 2;
      y[node] = depth[node]! / levels;
      const above = parent[node]!;
      if (above >= 0 && last[above] === -1) last[above] = x[node]!;
    }
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.element;
    if (!clientWidth || (clientWidth === this.width && clientHeight === this.height)) return;
    this.width = clientWidth;
    this.height = clientHeight;
    this.base = undefined;
    this.show(this.selected, this.walk);
  }

  private color(name: string): string {
    const known = this.colors.get(name);
    if (known !== undefined) return known;
    const found = getComputedStyle(this.element).getPropertyValue(`--${name}`).trim();
    this.colors.set(name, found);
    return found;
  }

  private place(): void {
    const { x, y } = this;
    const { scale, left, top } = this.zoom.frame;
    const [lefts, tops] = [new Float64Array(x.length), new Float64Array(x.length)];
    const [across, down] = [scale * (this.width - 2 * MARGIN), scale * (this.height - 2 * MARGIN)];
    for (let node = 0; node < x.length; node++) {
      lefts[node] = left + scale * MARGIN + across * x[node]!;
      tops[node] = top + scale * MARGIN + down * y[node]!;
    }
    this.lefts = lefts;
    this.tops = tops;
  }

  private nearest(x: number, y: number): number {
    let [best, least] = [-1, 24 * 24];
    for (let node = 0; node < this.x.length; node++) {
      const distance = (this.lefts[node]! - x) ** 2 + (this.tops[node]! - y) ** 2;
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
    if (!this.shape || !this.width) return;
    if (!this.x.length) this.arrange(this.shape);
    this.base ??= this.paintTree();
    const context = this.context(this.element);
    context.drawImage(this.base, 0, 0, this.width, this.height);
    if (this.walk) this.paintWalk(context, this.walk);
    if (this.selected < 0) return;
    context.strokeStyle = this.color("ink");
    context.lineWidth = 2;
    context.beginPath();
    const { selected, lefts, tops } = this;
    context.arc(lefts[selected]!, tops[selected]!, this.radius + 3, 0, 7);
    context.stroke();
  }

  private paintTree(): HTMLCanvasElement {
    this.place();
    const canvas = document.createElement("canvas");
    const context = this.context(canvas);
    const { scale } = this.zoom.frame;
    const count = this.parent.length / scale ** 2;
    this.radius = count < 40 ? 5.5 : count < 150 ? 4 : count < 800 ? 2.6 : 1.5;
    context.strokeStyle = this.color("line-strong");
    context.lineWidth = count < 800 ? 1 : 0.4;
    context.beginPath();
    const groups = this.groups();
    if (scale > 1) {
      this.parent.forEach(
        (above, node) => this.isSeen(above, node) && this.line(context, above, node),
      );
    } else {
      for (const nodes of groups) {
        for (const node of nodes ?? []) if (node > 0) this.line(context, this.parent[node]!, node);
      }
    }
    context.stroke();
    this.paintNodes(context, groups);
    return canvas;
  }

  /** Whether the line between two nodes, if there is one, may cross what is seen. */
  private isSeen(from: number, to: number): boolean {
    if (from < 0) return false;
    const { lefts, tops } = this;
    const [a, b, x, y] = [lefts[from]!, tops[from]!, lefts[to]!, tops[to]!];
    const beside = Math.max(a, x) < 0 || Math.min(a, x) > this.width;
    return !beside && Math.max(b, y) >= 0 && Math.min(b, y) <= this.height;
  }

  private mark(node: number): number {
    const status = this.look.status(node);
    if (!status) return 1 + Math.round(this.look.strength(node) * SHADES);
    return status === "correct" ? RIGHT : status === "incorrect" ? WRONG : UNREAD;
  }

  /** The nodes by their marks; of those that cover one another only one of the mark drawn last. */
  private groups(): (number[] | undefined)[] {
    const cell = this.radius < 2 ? 2 : 1;
    const width = Math.ceil(this.width / cell) + 1;
    const seen = new Uint8Array(width * (Math.ceil(this.height / cell) + 1));
    const marks = new Uint8Array(this.parent.length);
    const places = new Uint32Array(this.parent.length);
    for (let node = 0; node < marks.length; node++) {
      const x = Math.floor(this.lefts[node]!);
      const y = Math.floor(this.tops[node]!);
      if (x < 0 || y < 0 || x > this.width || y > this.height) continue;
      const place = Math.floor(y / cell) * width + Math.floor(x / cell);
      const mark = this.mark(node);
      places[node] = place;
      marks[node] = mark;
      if (mark > seen[place]!) seen[place] = mark;
    }
    const groups: (number[] | undefined)[] = [];
    for (let node = 0; node < marks.length; node++) {
      const mark = marks[node]!;
      if (!mark || mark !== seen[places[node]!]) continue;
      seen[places[node]!] = 0;
      (groups[mark] ??= []).push(node);
    }
    return groups;
  }

  /** Right is a filled square, wrong a cross, unread a diamond, and any other node a circle. */
  private paintNodes(context: CanvasRenderingContext2D, groups: (number[] | undefined)[]): void {
    for (const kind of groups.keys()) {
      const nodes = groups[kind] ?? [];
      context.beginPath();
      for (const node of nodes) {
        this.outline(context, kind, this.lefts[node]!, this.tops[node]!);
      }
      if (kind === WRONG) {
        context.strokeStyle = this.color("wrong");
        context.lineWidth = Math.max(0.8, this.radius / 2.4);
        context.stroke();
        continue;
      }
      context.fillStyle = this.fill(kind);
      context.fill();
      context.strokeStyle = this.color(
        kind === RIGHT ? "right" : kind === UNREAD ? "muted" : "accent",
      );
      context.lineWidth = this.radius < 2 ? 0.5 : 1;
      context.stroke();
    }
  }

  private fill(kind: number): string {
    if (kind > SHADES + 1) return this.color(kind === RIGHT ? "right" : "paper");
    const share = 12 + (88 * (kind - 1)) / SHADES;
    return `color-mix(in srgb, ${this.color("accent")} ${share}%, ${this.color("paper")})`;
  }

  private outline(context: CanvasRenderingContext2D, kind: number, x: number, y: number): void {
    const r = this.radius;
    if (kind === WRONG) {
      context.moveTo(x - r, y - r);
      context.lineTo(x + r, y + r);
      context.moveTo(x - r, y + r);
      context.lineTo(x + r, y - r);
    } else if (kind === UNREAD) {
      context.moveTo(x, y - r - 1);
      context.lineTo(x + r + 1, y);
      context.lineTo(x, y + r + 1);
      context.lineTo(x - r - 1, y);
      context.closePath();
    } else if (kind === RIGHT || r < 2) {
      context.rect(x - r, y - r, 2 * r, 2 * r);
    } else {
      context.moveTo(x + r, y);
      context.arc(x, y, r, 0, 7);
    }
  }

  /** The way of a trace: faintly what is to come, then what is done, then its present sentence. */
  private paintWalk(context: CanvasRenderingContext2D, walk: Walk): void {
    const far = walk.nodes.length > LONGEST_WALK ? NEAR : LONGEST_WALK;
    const [start, at] = [Math.max(1, walk.upTo - far), walk.upTo];
    const end = Math.min(walk.nodes.length, at + far);
    context.lineCap = "round";
    context.globalAlpha = 0.22;
    this.paintWay(context, walk, Math.max(start, at + 1), end);
    context.globalAlpha = 1;
    this.paintWay(context, walk, start, Math.min(at, end));
    this.paintWay(context, walk, Math.max(start, at), Math.min(at + 1, end), 4);
  }

  /** The lines to the nodes of some sentences, those that go on and then those that go back. */
  private paintWay(
    context: CanvasRenderingContext2D,
    { nodes, kinds }: Walk,
    start: number,
    end: number,
    bold?: number,
  ): void {
    for (const back of [false, true]) {
      const tips: number[] = [];
      context.beginPath();
      for (let i = start; i < end; i++) {
        const [from, to] = [nodes[i - 1]!, nodes[i]!];
        const goesBack = kinds[i] === "backtrack" || this.parent[to] !== from;
        if (from === to || goesBack !== back) continue;
        if (back) this.bend(context, from, to);
        else this.line(context, from, to);
        tips.push(to);
      }
      if (!tips.length) continue;
      context.strokeStyle = this.color(back ? "back" : "accent");
      context.lineWidth = (bold ?? (back ? 1.6 : 2.6)) * (this.radius < 2 ? 0.6 : 1);
      context.setLineDash(back ? [5, 4] : []);
      context.stroke();
      context.setLineDash([]);
      if (!back || context.globalAlpha < 1) continue;
      context.beginPath();
      for (const tip of tips) this.arrow(context, tip);
      context.stroke();
    }
  }

  private line(context: CanvasRenderingContext2D, from: number, to: number): void {
    const { lefts, tops } = this;
    const middle = (tops[from]! + tops[to]!) / 2;
    context.moveTo(lefts[from]!, tops[from]!);
    if (this.radius < 2) context.lineTo(lefts[to]!, tops[to]!);
    else context.bezierCurveTo(lefts[from]!, middle, lefts[to]!, middle, lefts[to]!, tops[to]!);
  }

  private bend(context: CanvasRenderingContext2D, from: number, to: number): void {
    const { lefts, tops } = this;
    const [a, b, x, y] = [lefts[from]!, tops[from]!, lefts[to]!, tops[to]!];
    const bend = 14 + Math.abs(b - y) / 3;
    context.moveTo(a, b);
    context.bezierCurveTo(a + bend, b, x + bend, y, x, y);
  }

  private arrow(context: CanvasRenderingContext2D, at: number): void {
    const [x, y] = [this.lefts[at]! + this.radius, this.tops[at]!];
    context.moveTo(x + 7, y - 4);
    context.lineTo(x + 1, y);
    context.lineTo(x + 7, y + 4);
  }
}
