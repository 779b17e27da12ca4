// One tree: its outline and picture, its traces, and the chosen node.

import { numberIn, parseAddress, type Address, type Router } from "./address";
import { bdi, button, h, select, typing } from "./dom";
import type { ModelHead, TreeDocument } from "./documents";
import { showNode } from "./detail";
import { Finder, nodesWith } from "./finding";
import { idText, oneLine } from "./marks";
import { metadataText, plural } from "./numbers";
import { Outline, statusOf } from "./outline";
import { Picture } from "./picture";
import { Sentences } from "./sentences";
import { showText } from "./text";
import { Shape } from "./tree";
import { counts } from "./verdicts";

/** The addresses of the trees before and after a tree in its list. */
export interface Around {
  before: string | undefined;
  after: string | undefined;
}

export class Explorer {
  readonly element = h("div", { class: "explorer" });
  private readonly head = h("div", { class: "explorer-head" });
  private readonly said = h("p", { class: "message", role: "status" });
  private detail = h("div", { class: "pane detail-pane" });
  private readonly follow = button("Follow the newest node", () => this.toggleFollow(), {
    "aria-pressed": "false",
  });
  private readonly traceHead = h("div", { class: "trace-head" });
  private readonly outline: Outline;
  private readonly picture: Picture;
  private readonly sentences: Sentences;
  private readonly finder: Finder;
  private readonly tracePane: HTMLElement;
  private tree: TreeDocument | undefined;
  private shape!: Shape;
  private shownList = "";
  private shownTrace: number | undefined;
  private shownDetail = "";
  private shownChoice = "";
  private byNode = new Map<number, number[]>();
  private step = -1;

  constructor(
    private readonly router: Router,
    private readonly arms: ModelHead[],
  ) {
    this.outline = new Outline((node, replace) => this.chooseNode(node, replace));
    this.picture = new Picture((node) => this.chooseNode(node));
    this.sentences = new Sentences("Sentences of the trace", (index, replace) =>
      this.chooseStep(index, replace),
    );
    this.finder = new Finder(
      (text) => (this.tree ? nodesWith(this.tree, this.shape.order, text) : []),
      (node) => this.chooseNode(node),
    );
    const columns = h("div", { class: "columns", "aria-hidden": "true" });
    for (const name of ["step", "sentence", "prior", "visits N", "Q"])
      columns.append(h("span", {}, name));
    const tools = h(
      "div",
      { class: "bar" },
      this.finder.element,
      button("Expand all", () => this.outline.setOpen(true)),
      button("Collapse all", () => this.outline.setOpen(false)),
      this.picture.zoom.buttons,
      this.follow,
    );
    this.tracePane = h("div", { class: "pane trace-pane" }, this.traceHead, this.sentences.element);
    const keys =
      "Keys: arrows in the tree; [ and ], or j and k outside of it, walk along the trace; / finds text; s shows the source of formulas.";
    this.element.append(
      this.head,
      this.said,
      h(
        "div",
        { class: "panes" },
        h(
          "div",
          { class: "pane tree-pane" },
          this.picture.element,
          tools,
          columns,
          this.outline.element,
        ),
        this.tracePane,
        this.detail,
      ),
      h("p", { class: "note keys" }, keys),
    );
    document.addEventListener("keydown", (event) => this.pressed(event));
  }

  /** Show a tree as the address says. `list` is the address of the list that it is part of. */
  show(tree: TreeDocument, address: Address, list: string, around: () => Around): void {
    const other = tree !== this.tree;
    const grown = this.tree?.id === tree.id && this.tree.parent.length < tree.parent.length;
    if (other) this.open(tree, address);
    if (other || list !== this.shownList) this.showHead(tree, list, around());
    this.shownList = list;
    const problems: string[] = [];
    const traces = tree.traces.length;
    let trace = numberIn(address, "trace") ?? 0;
    if (!(trace < Math.max(1, traces))) {
      problems.push(`This tree has no trace ${address.values.get("trace")}.`);
      trace = 0;
    }
    const segments = tree.traces[trace]?.segments ?? [];
    let step = numberIn(address, "step") ?? -1;
    if (!(step < segments.length)) {
      problems.push(`This trace has no sentence ${address.values.get("step")}.`);
      step = -1;
    }
    let node = numberIn(address, "node") ?? segments[step]?.[0] ?? 0;
    if (!(node < tree.parent.length)) {
      problems.push(
        `This tree has no node ${address.values.get("node")}; its nodes are 0 to ${tree.parent.length - 1}.`,
      );
      node = 0;
    }
    this.said.textContent = problems.join(" ");
    this.step = step;
    if (trace !== this.shownTrace) this.openTrace(trace);
    this.outline.select(node);
    this.sentences.select(step, new Set(this.byNode.get(node)));
    const nodes = [0, ...segments.map(([at]) => at)];
    const walk = { nodes, kinds: ["step", ...segments.map(([, kind]) => kind)], upTo: step + 1 };
    this.picture.show(node, segments.length ? walk : undefined);
    this.showDetail(node, trace, step);
    if (grown && this.isFollowing()) this.chooseNewest();
  }

  /** Do all that showing a tree needs and that is kept, such as compiling, and show no tree. */
  prepare(tree: TreeDocument): void {
    this.show(tree, parseAddress(""), "", () => ({ before: undefined, after: undefined }));
    this.tree = undefined;
  }

  private isFollowing(): boolean {
    return this.follow.getAttribute("aria-pressed") === "true";
  }

  private toggleFollow(): void {
    this.follow.setAttribute("aria-pressed", String(!this.isFollowing()));
    if (this.isFollowing()) this.chooseNewest();
  }

  private chooseNewest(): void {
    this.chooseNode(this.tree!.parent.length - 1, true);
  }

  private open(tree: TreeDocument, address: Address): void {
    const grown = this.tree?.id === tree.id && this.tree.parent.length <= tree.parent.length;
    this.tree = tree;
    this.shape = new Shape(tree.parent);
    this.shownTrace = undefined;
    this.follow.hidden = tree.finished;
    if (!grown) {
      this.shownChoice = this.shownDetail = "";
      this.follow.setAttribute("aria-pressed", "false");
    }
    this.outline.setTree(tree, this.shape, grown);
    const look = {
      strength: (node: number) => tree.q[node]!,
      status: (node: number) => statusOf(tree, node),
    };
    const label = `The tree's ${plural(tree.parent.length, "node")} as a picture; the outline below holds the same.`;
    this.picture.setTree(tree.parent, this.shape, look, label, grown);
    if (!grown) this.finder.reset(address.values.get("text") ?? "");
  }

  private showHead(tree: TreeDocument, list: string, around: Around): void {
    const verdicts = new Map<string, number>();
    for (let node = 0; node < tree.parent.length; node++) {
      const status = statusOf(tree, node);
      if (status) verdicts.set(status, (verdicts.get(status) ?? 0) + 1);
    }
    const facts = h(
      "p",
      { class: "facts" },
      plural(tree.parent.length, "node"),
      ...(verdicts.size ? [" · ", counts(Object.fromEntries(verdicts))] : []),
    );
    facts.append(
      tree.finished ? ` · search ended: ${oneLine(tree.ended)}` : " · the search goes on",
    );
    for (const [key, value] of Object.entries(tree.metadata)) {
      const text = metadataText(value);
      if (text !== undefined)
        facts.append(" · ", bdi(oneLine(key, 80)), ": ", bdi(oneLine(text, 120)));
    }
    const link = (to: string | undefined, text: string): Node =>
      to === undefined ? h("span", { class: "no-link" }, text) : h("a", { href: to }, text);
    const nav = h(
      "nav",
      { class: "steps", "aria-label": "Trees" },
      h("a", { href: list }, "All trees"),
      link(around.before, "← Previous"),
      link(around.after, "Next →"),
    );
    const problem = h(
      "div",
      { class: "problem" },
      showText(tree.prompt, "the problem"),
      h(
        "div",
        { class: "answer" },
        h("span", { class: "label" }, "Reference answer"),
        showText(tree.answer, "the reference answer"),
      ),
    );
    this.head.replaceChildren(
      nav,
      h("h3", {}, `Tree ${tree.number}: `, bdi(idText(tree.id))),
      facts,
      problem,
    );
  }

  private openTrace(number: number): void {
    const tree = this.tree!;
    this.shownTrace = number;
    this.byNode = new Map();
    const trace = tree.traces[number];
    this.tracePane.classList.toggle("empty", !trace);
    if (!trace) {
      this.traceHead.replaceChildren(
        h("h3", {}, "Trace"),
        h("p", { class: "quiet-text" }, "No trace was made of this tree."),
      );
      this.sentences.set([]);
      this.outline.mark(new Map());
      return;
    }
    trace.segments.forEach(([node], index) => {
      const known = this.byNode.get(node);
      if (known) known.push(index);
      else this.byNode.set(node, [index]);
    });
    this.outline.mark(new Map([...this.byNode].map(([node, steps]) => [node, steps[0]!])));
    this.sentences.set(
      trace.segments.map(([node, kind, train, text]) => ({
        kind,
        text: text ?? tree.text[node]!,
        about: `node ${node}${train ? "" : ", not trained on"}`,
      })),
    );
    const title = (at: number): string => {
      const { arm, id, rewritten } = tree.traces[at]!;
      const name = this.arms.find((known) => known.name === arm)?.title ?? arm;
      return `${name}: ${idText(id)}${rewritten ? ", rewritten" : ""}`;
    };
    const choose = select(
      "Trace",
      tree.traces.map((_, at) => [String(at), title(at)]),
      String(number),
      (value) => this.router.change({ trace: value, step: null, node: null }),
    );
    const walk = h(
      "div",
      { class: "bar" },
      button("← Back one sentence", () => this.walk(-1)),
      button("Forward one sentence →", () => this.walk(1)),
    );
    const backtracks = trace.segments.filter(([, kind]) => kind === "backtrack").length;
    const facts = `${plural(trace.segments.length, "sentence")}, ${plural(backtracks, "backtrack")}${trace.rewritten ? ", rewritten by the policy" : ""}`;
    this.traceHead.replaceChildren(
      h("h3", {}, "Trace"),
      choose,
      h("p", { class: "facts" }, facts),
      walk,
    );
  }

  private showDetail(node: number, trace: number, step: number): void {
    const tree = this.tree!;
    const choice = `${node} ${trace} ${step}`;
    const around = this.shape.children(Math.max(0, tree.parent[node]!));
    const numbers = [node, ...around].map((one) => [tree.visits[one], tree.q[one]]);
    const key = JSON.stringify([choice, numbers, tree.verdict[node], tree.terminal[node]]);
    if (key === this.shownDetail) return;
    this.shownDetail = key;
    const top = choice === this.shownChoice ? this.detail.scrollTop : 0;
    this.shownChoice = choice;
    // A new pane is scrolled to its top, while to scroll one that has changed costs a layout.
    const pane = h("div", { class: "pane detail-pane" });
    const segment = tree.traces[trace]?.segments[step];
    if (segment && segment[3] !== null) {
      const title = h("h3", {}, `Sentence ${step + 1}: ${segment[1]}`);
      pane.append(h("div", { class: "detail" }, title, showText(segment[3], "the sentence")));
    }
    pane.append(showNode(tree, this.shape, node, (other) => this.chooseNode(other)));
    this.detail.replaceWith(pane);
    this.detail = pane;
    if (top) pane.scrollTop = top;
  }

  private chooseNode(node: number, replace = false): void {
    const steps = this.byNode.get(node) ?? [];
    const step = steps.includes(this.step) ? this.step : steps[0];
    this.router.change({ node, step: step ?? null }, replace);
  }

  private chooseStep(step: number, replace = false): void {
    const segment = this.tree?.traces[this.shownTrace ?? 0]?.segments[step];
    if (segment) this.router.change({ step, node: segment[0] }, replace);
  }

  private walk(by: number): void {
    const many = this.tree?.traces[this.shownTrace ?? 0]?.segments.length ?? 0;
    if (many) this.chooseStep(Math.min(many - 1, Math.max(0, this.step + by)), true);
  }

  private pressed(event: KeyboardEvent): void {
    if (typing(event) || !this.element.isConnected || !this.element.offsetParent) return;
    if (event.key === "]" || event.key === "j") this.walk(1);
    else if (event.key === "[" || event.key === "k") this.walk(-1);
    else if (event.key === "/") this.finder.focus();
    else return;
    event.preventDefault();
  }
}
