// A tree as an outline whose rows are drawn only where they are seen.

import { bdi, h } from "./dom";
import type { TreeDocument } from "./documents";
import { count, share } from "./numbers";
import { firstOpen, pathTo, visibleNodes, type Shape } from "./tree";
import { lineElement } from "./text";
import { chip } from "./verdicts";

const ROW = 28;
const EXTRA = 4;
const DEEPEST_INDENT = 18;
/** How tall the outline is taken to be until it is known. */
const TALLEST = 600;
const KEPT_LINES = 1000;
const TYPE_AHEAD_MS = 700;

/** The class of a node's verdict; undefined for a node at which no response ends. */
export function statusOf(tree: TreeDocument, node: number): string | undefined {
  const verdict = tree.verdict[node]!;
  if (verdict >= 0) return tree.verdicts[verdict]![0];
  return tree.terminal[node] ? "none" : undefined;
}

export class Outline {
  readonly rows = h("div", { role: "none", class: "rows" });
  readonly element = h(
    "div",
    { class: "outline", role: "tree", tabindex: "0", "aria-label": "Steps of the tree" },
    this.rows,
  );
  private tree!: TreeDocument;
  private shape!: Shape;
  private open = new Set<number>();
  private readonly lines = new Map<number, HTMLElement>();
  private seen: number[] = [];
  private place = new Map<number, number>();
  private selected = 0;
  private marked: ReadonlyMap<number, number> = new Map();
  private mostVisits = 1;
  /** Where the rows are scrolled to, and how much of them is seen; asking the browser costs a layout. */
  private top = 0;
  private height = TALLEST;
  /** The first row that is drawn, and the one after the last. */
  private drawn: [from: number, to: number] = [0, 0];
  private typed = "";
  private typedAt = 0;

  constructor(private readonly choose: (node: number, replace: boolean) => void) {
    this.element.addEventListener("scroll", () => this.measure(), { passive: true });
    this.element.addEventListener("click", (event) => this.clicked(event));
    this.element.addEventListener("keydown", (event) => this.pressed(event));
    new ResizeObserver(() => this.measure()).observe(this.element);
  }

  private measure(): void {
    this.top = this.element.scrollTop;
    this.height = this.element.clientHeight || this.height;
    this.draw(false);
  }

  /** Show a tree; a grown version of the tree that is shown keeps what is open. */
  setTree(tree: TreeDocument, shape: Shape, grown: boolean): void {
    const before = this.shape;
    const { top } = this;
    const first = this.seen[Math.floor(top / ROW)];
    this.tree = tree;
    this.shape = shape;
    this.lines.clear();
    if (grown) {
      for (const node of shape.order) {
        const grew = node >= before.order.length || before.isLeaf(node);
        if (grew && !shape.isLeaf(node)) this.open.add(node);
      }
    } else {
      this.open = firstOpen(shape);
      this.selected = 0;
      this.scroll(0);
    }
    this.mostVisits = tree.visits.reduce((most, visits) => Math.max(most, visits), 1);
    this.arrange();
    const place = grown && first !== undefined ? this.place.get(first) : undefined;
    if (place !== undefined) this.scroll(place * ROW + (top % ROW));
  }

  /** Mark the nodes of a trace with the number of their first sentence. */
  mark(first: ReadonlyMap<number, number>): void {
    this.marked = first;
  }

  select(node: number): void {
    const closed = pathTo(this.tree.parent, node)
      .slice(0, -1)
      .filter((above) => !this.open.has(above));
    for (const above of closed) this.open.add(above);
    const moved = node !== this.selected || closed.length > 0;
    this.selected = node;
    if (closed.length) this.arrange();
    if (moved) this.reveal();
    this.draw();
  }

  setOpen(all: boolean): void {
    this.open = new Set(all ? this.shape.order.filter((node) => !this.shape.isLeaf(node)) : []);
    this.arrange();
    if (!this.place.has(this.selected)) this.choose(0, false);
    else this.reveal();
    this.draw();
  }

  private arrange(): void {
    this.seen = visibleNodes(this.shape, this.open);
    this.place = new Map(this.seen.map((node, row) => [node, row]));
    this.rows.style.height = `${this.seen.length * ROW}px`;
    this.top = Math.max(0, Math.min(this.top, this.seen.length * ROW - this.height));
  }

  private scroll(top: number): void {
    if (top === this.top) return;
    this.element.scrollTop = top;
    this.top = this.element.scrollTop;
  }

  private reveal(): void {
    const top = (this.place.get(this.selected) ?? 0) * ROW;
    if (top >= this.top && top + ROW <= this.top + this.height) return;
    this.scroll(Math.max(0, Math.round(top - this.height / 3)));
  }

  /** Draw the rows that are seen and some around them; without a change only where one is missing. */
  private draw(changed = true): void {
    if (!this.shape) return;
    const first = Math.floor(this.top / ROW);
    const last = Math.min(this.seen.length, Math.ceil((this.top + this.height) / ROW));
    if (!changed && first >= this.drawn[0] && last <= this.drawn[1]) return;
    const from = Math.max(0, first - EXTRA);
    const to = Math.min(this.seen.length, last + EXTRA);
    this.drawn = [from, to];
    const rows = this.seen.slice(from, to).map((node, i) => this.row(node, from + i));
    const place = this.place.get(this.selected);
    if (place !== undefined && (place < from || place >= to))
      rows.push(this.row(this.selected, place));
    this.rows.replaceChildren(...rows);
    this.element.setAttribute("aria-activedescendant", `node-${this.selected}`);
  }

  private line(node: number): HTMLElement {
    const known = this.lines.get(node);
    if (known) return known;
    if (this.lines.size > KEPT_LINES) this.lines.clear();
    const made = lineElement(this.tree.text[node]!);
    this.lines.set(node, made);
    return made;
  }

  private row(node: number, place: number): HTMLElement {
    const { tree, shape } = this;
    const above = tree.parent[node]!;
    const siblings = above < 0 ? [node] : shape.children(above);
    const depth = shape.depth[node]!;
    const leaf = shape.isLeaf(node);
    const open = this.open.has(node);
    const status = statusOf(tree, node);
    const first = this.marked.get(node);
    const [prior, visits, q] = [
      share(tree.prior[node]!),
      count(tree.visits[node]!),
      share(tree.q[node]!),
    ];
    const sentence = first === undefined ? "" : ` sentence ${first + 1}`;
    const said = `${sentence} prior ${prior} ${visits} visits Q ${q}`;
    const row = h(
      "div",
      {
        id: `node-${node}`,
        role: "treeitem",
        class: first === undefined ? "row" : "row walked",
        "data-node": node,
        "aria-level": depth + 1,
        "aria-setsize": siblings.length,
        "aria-posinset": siblings.indexOf(node) + 1,
        "aria-expanded": leaf ? null : String(open),
        "aria-selected": String(node === this.selected),
      },
      depth > DEEPEST_INDENT
        ? h("span", { class: "depth", "aria-hidden": "true" }, count(depth))
        : null,
      h("span", { class: "twisty", "aria-hidden": "true" }, leaf ? "" : open ? "▾" : "▸"),
      status ? chip(status, !leaf) : null,
      above < 0 ? bdi("The problem", "line") : this.line(node),
      first === undefined
        ? null
        : h("span", { class: "sentence", "aria-hidden": "true" }, String(first + 1)),
      h("span", { class: "prior", "aria-hidden": "true" }, prior),
      h("span", { class: "visits", "aria-hidden": "true" }, visits),
      h("span", { class: "q", "aria-hidden": "true" }, q),
      h("span", { class: "offscreen" }, said),
    );
    row.style.top = `${place * ROW}px`;
    row.style.setProperty("--indent", String(Math.min(depth, DEEPEST_INDENT)));
    row.style.setProperty("--q", String(tree.q[node]));
    row.style.setProperty("--visits", String(tree.visits[node]! / this.mostVisits));
    return row;
  }

  private clicked(event: MouseEvent): void {
    const row = (event.target as Element).closest<HTMLElement>("[data-node]");
    if (!row) return;
    const node = Number(row.getAttribute("data-node"));
    if ((event.target as Element).closest(".twisty")) this.toggle(node);
    else this.choose(node, false);
  }

  private toggle(node: number): void {
    if (this.shape.isLeaf(node)) return;
    if (!this.open.delete(node)) this.open.add(node);
    this.arrange();
    if (!this.place.has(this.selected)) this.choose(node, true);
    this.draw();
  }

  private pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.place.get(this.selected) ?? 0;
    const last = this.seen.length - 1;
    const page = Math.max(1, Math.floor(this.height / ROW) - 1);
    const steps = new Map([
      ["ArrowDown", at + 1],
      ["ArrowUp", at - 1],
      ["Home", 0],
      ["End", last],
      ["PageDown", at + page],
      ["PageUp", at - page],
    ]);
    const to = steps.get(event.key);
    if (to !== undefined) this.move(Math.min(last, Math.max(0, to)));
    else if (event.key === "ArrowRight") this.right(at);
    else if (event.key === "ArrowLeft") this.left();
    else if (event.key === "Enter" || event.key === " ") this.toggle(this.selected);
    else if (event.key === "*") this.openSiblings();
    else if (event.key.length === 1 && !/[[\]/?]/.test(event.key)) this.typeAhead(event.key, at);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private move(place: number): void {
    const node = this.seen[place];
    if (node !== undefined && node !== this.selected) this.choose(node, true);
  }

  private right(at: number): void {
    if (this.shape.isLeaf(this.selected)) return;
    if (this.open.has(this.selected)) this.move(at + 1);
    else this.toggle(this.selected);
  }

  private left(): void {
    const above = this.tree.parent[this.selected]!;
    if (this.open.has(this.selected)) this.toggle(this.selected);
    else if (above >= 0) this.choose(above, true);
  }

  private openSiblings(): void {
    const above = this.tree.parent[this.selected]!;
    for (const node of above < 0 ? [0] : this.shape.children(above)) {
      if (!this.shape.isLeaf(node)) this.open.add(node);
    }
    this.arrange();
    this.draw();
  }

  private typeAhead(key: string, at: number): void {
    const now = performance.now();
    this.typed =
      now - this.typedAt < TYPE_AHEAD_MS ? this.typed + key.toLowerCase() : key.toLowerCase();
    this.typedAt = now;
    const start = this.typed.length > 1 ? at : at + 1;
    for (let i = 0; i < this.seen.length; i++) {
      const place = (start + i) % this.seen.length;
      const text = this.tree.text[this.seen[place]!]!.slice(0, 300).trimStart().toLowerCase();
      if (text.startsWith(this.typed)) return this.move(place);
    }
  }
}
