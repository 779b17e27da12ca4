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

export class Picture {
  readonly element = h("canvas", { class: "picture", role: "img" });
  private x: number[] = [];
  private y: number[] = [];
  private base: HTMLCanvasElement | undefined;
  private parent: readonly number[] = [];
  private look: Look = { strength: () => 0, status: () => undefined };
  private walk: Walk | undefined;
  private selected = -1;
  private radius = 4;
  private readonly colors = new Map<string, string>();

  constructor(choose: (node: number) => void, private readonly tallest = 300) {
    this.element.addEventListener("click", (event) => {
      const node = this.nearest(event.offsetX, event.offsetY);
      if (node >= 0) choose(node);
    });
    new ResizeObserver(() => this.redraw()).observe(this.element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  setTree(parent: readonly number[], shape: Shape, look: Look, label: string): void {
    this.parent = parent;
    this.look = look;
    const root = tidy<number>().size([1, 1]).separation(() => 1)(hierarchy(0, (node) => shape.children[node]!));
    root.each((at) => {
      this.x[at.data] = at.x;
      this.y[at.data] = at.y;
    });
    this.x.length = this.y.length = parent.length;
    const levels = shape.depth.reduce((most, depth) => Math.max(most, depth), 0);
    this.element.style.height = `${Math.min(this.tallest, 2 * MARGIN + levels * 30 + 8)}px`;
    this.element.setAttribute("aria-label", label);
    this.walk = undefined;
    this.base = undefined;
  }

  show(selected: number, walk: Walk | undefined): void {
    this.selected = selected;
    this.walk = walk;
    this.paint();
  }

  private redraw(): void {
    this.base = undefined;
    this.colors.clear();
    this.paint();
  }

  private color(name: string): string {
    const known = this.colors.get(name);
    if (known !== undefined) return known;
    const found = getComputedStyle(this.element).getPropertyValue(`--${name}`).trim();
    this.colors.set(name, found);
    return found;
  }

  private at(node: number): [number, number] {
    const { clientWidth: width, clientHeight: height } = this.element;
    return [MARGIN + this.x[node]! * (width - 2 * MARGIN), MARGIN + this.y[node]! * (height - 2 * MARGIN)];
  }

  private nearest(x: number, y: number): number {
    let [best, least] = [-1, 24 * 24];
    for (let node = 0; node < this.parent.length; node++) {
      const [a, b] = this.at(node);
      const distance = (a - x) ** 2 + (b - y) ** 2;
      if (distance < least) [best, least] = [node, distance];
    }
    return best;
  }

  private context(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
    const scale = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(this.element.clientWidth * scale));
    canvas.height = Math.max(1, Math.round(this.element.clientHeight * scale));
    const context = canvas.getContext("2d")!;
    context.scale(scale, scale);
    return context;
  }

  private paint(): void {
    if (!this.parent.length || !this.element.clientWidth) return;
    this.base ??= this.paintTree();
    const context = this.context(this.element);
    context.drawImage(this.base, 0, 0, this.element.clientWidth, this.element.clientHeight);
    if (this.walk) this.paintWalk(context, this.walk);
    if (this.selected >= 0) {
      const [x, y] = this.at(this.selected);
      context.strokeStyle = this.color("ink");
      context.lineWidth = 2;
      context.beginPath();
      context.arc(x, y, this.radius + 3, 0, 7);
      context.stroke();
    }
  }

  private paintTree(): HTMLCanvasElement {
    const canvas = document.createElement("canvas");
    const context = this.context(canvas);
    const count = this.parent.length;
    this.radius = count < 40 ? 5.5 : count < 150 ? 4 : count < 800 ? 2.6 : 1.6;
    context.strokeStyle = this.color("line-strong");
    context.lineWidth = count < 800 ? 1 : 0.5;
    context.beginPath();
    for (let node = 1; node < count; node++) {
      const [x, y] = this.at(node);
      const [a, b] = this.at(this.parent[node]!);
      context.moveTo(a, b);
      context.bezierCurveTo(a, (b + y) / 2, x, (b + y) / 2, x, y);
    }
    context.stroke();
    for (let node = 0; node < count; node++) this.paintNode(context, node);
    return canvas;
  }

  /** Right is a filled square, wrong a cross, unread a diamond, and any other node a circle. */
  private paintNode(context: CanvasRenderingContext2D, node: number): void {
    const [x, y] = this.at(node);
    const status = this.look.status(node);
    const r = this.radius;
    context.beginPath();
    if (status === "incorrect") {
      context.strokeStyle = this.color("wrong");
      context.lineWidth = Math.max(1, r / 2.4);
      context.moveTo(x - r, y - r);
      context.lineTo(x + r, y + r);
      context.moveTo(x - r, y + r);
      context.lineTo(x + r, y - r);
      context.stroke();
      return;
    }
    if (status === "correct") context.rect(x - r, y - r, 2 * r, 2 * r);
    else if (status) {
      context.moveTo(x, y - r - 1);
      context.lineTo(x + r + 1, y);
      context.lineTo(x, y + r + 1);
      context.lineTo(x - r - 1, y);
      context.closePath();
    } else context.arc(x, y, r, 0, 7);
    context.fillStyle = this.color("paper");
    context.fill();
    context.globalAlpha = status ? 1 : 0.15 + 0.85 * this.look.strength(node);
    context.fillStyle = this.color(status === "correct" ? "right" : status ? "paper" : "accent");
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = this.color(status === "correct" ? "right" : status ? "muted" : "accent");
    context.lineWidth = 1;
    context.stroke();
  }

  private paintWalk(context: CanvasRenderingContext2D, walk: Walk): void {
    context.lineCap = "round";
    for (let i = 1; i < walk.nodes.length; i++) {
      const [from, to] = [walk.nodes[i - 1]!, walk.nodes[i]!];
      if (from === to) continue;
      const done = i <= walk.upTo;
      const [a, b] = this.at(from);
      const [x, y] = this.at(to);
      const back = walk.kinds[i] === "backtrack" || this.parent[to] !== from;
      context.globalAlpha = done ? 1 : 0.22;
      context.strokeStyle = this.color(back ? "back" : "accent");
      context.lineWidth = i === walk.upTo ? 4 : back ? 1.6 : 2.6;
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
