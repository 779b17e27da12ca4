// The sentences of a trace or of a response, one of which is chosen.

import { h, typing } from "./dom";
import { appendText, cutText } from "./text";
import { count } from "./numbers";

export interface Sentence {
  kind: string;
  text: string;
  /** What else is said of it, such as the node to which it belongs. */
  about: string;
}

const SHOWN_CHARS = 700;
const SHOWN_LINES = 12;
/** Sentences are laid out in groups, of which the browser skips those out of sight. */
const PER_GROUP = 16;
const KINDS = new Map([
  ["step", "step"],
  ["reflection", "reflection"],
  ["backtrack", "backtrack"],
]);

export class Sentences {
  readonly element: HTMLElement;
  private groups: HTMLElement[] = [];
  private readonly items = new Map<number, HTMLElement>();
  private same: ReadonlySet<number> = new Set();
  private sentences: Sentence[] = [];
  private readonly written = new WeakSet<Element>();
  private readonly watcher: IntersectionObserver;
  private chosen = -1;

  constructor(
    label: string,
    private readonly choose: (index: number, replace: boolean) => void,
  ) {
    this.element = h("div", {
      class: "sentences",
      role: "listbox",
      tabindex: "0",
      "aria-label": label,
      click: (event: MouseEvent) => {
        const item = (event.target as Element).closest("[role=option]");
        const selecting = document.getSelection()?.isCollapsed === false;
        if (item && !selecting) this.choose(Number(item.getAttribute("data-index")), false);
      },
      keydown: (event: KeyboardEvent) => this.pressed(event),
    });
    this.watcher = new IntersectionObserver(
      (entries) => {
        for (const entry of entries)
          if (entry.isIntersecting) this.seen(entry.target as HTMLElement);
      },
      { root: this.element, rootMargin: "300px" },
    );
  }

  set(sentences: Sentence[]): void {
    this.watcher.disconnect();
    this.sentences = sentences;
    this.chosen = -1;
    this.same = new Set();
    this.items.clear();
    this.groups = [];
    for (let at = 0; at < sentences.length; at += PER_GROUP) {
      const group = h("div", { role: "presentation", class: "group", "data-first": at });
      group.style.setProperty("--sentences", String(Math.min(PER_GROUP, sentences.length - at)));
      this.groups.push(group);
    }
    this.element.replaceChildren();
    for (const group of this.groups) this.element.append(group);
    for (const group of this.groups) this.watcher.observe(group);
    if (this.groups[0]) this.fill(this.groups[0]);
  }

  /** Choose a sentence, -1 for none, and mark others as belonging to the same node. */
  select(index: number, same: ReadonlySet<number>): void {
    const changed = [this.chosen, index, ...this.same, ...same];
    const moved = index !== this.chosen;
    this.chosen = index;
    this.same = same;
    if (index >= 0) this.fill(this.groups[Math.floor(index / PER_GROUP)]!);
    for (const at of changed) this.markItem(at);
    const item = this.items.get(index);
    if (item) this.element.setAttribute("aria-activedescendant", item.id);
    else this.element.removeAttribute("aria-activedescendant");
    if (item && moved) this.reveal(item);
  }

  private markItem(index: number): void {
    const item = this.items.get(index);
    if (!item) return;
    item.setAttribute("aria-selected", String(index === this.chosen));
    item.classList.toggle("same", this.same.has(index));
  }

  /** Make the sentences of a group, which is done when they come into sight. */
  private fill(group: HTMLElement): void {
    if (group.firstChild) return;
    this.watcher.unobserve(group);
    const first = Number(group.getAttribute("data-first"));
    this.sentences.slice(first, first + PER_GROUP).forEach((sentence, at) => {
      const index = first + at;
      const kind = KINDS.get(sentence.kind) ?? sentence.kind;
      const about = ` ${index + 1}${sentence.about ? `, ${sentence.about}` : ""}`;
      const item = h(
        "div",
        {
          id: `${this.element.id}-${index}`,
          role: "option",
          class: `sentence-item kind-${kind}`,
          "data-index": index,
          "aria-setsize": this.sentences.length,
          "aria-posinset": index + 1,
        },
        h("span", { class: "kind" }, h("b", {}, kind), about),
      );
      this.items.set(index, item);
      this.markItem(index);
      group.append(item);
      this.watcher.observe(item);
    });
  }

  private reveal(item: HTMLElement): void {
    this.write(item);
    const box = this.element.getBoundingClientRect();
    const place = item.getBoundingClientRect();
    if (place.top >= box.top && place.bottom <= box.bottom) return;
    this.element.scrollTop += place.top - box.top - box.height / 4;
  }

  private seen(element: HTMLElement): void {
    if (element.hasAttribute("data-first")) this.fill(element);
    else this.write(element);
  }

  private write(item: Element): void {
    if (this.written.has(item)) return;
    this.written.add(item);
    this.watcher.unobserve(item);
    const sentence = this.sentences[Number(item.getAttribute("data-index"))]!;
    const { head, hidden, tail } = cutText(sentence.text, SHOWN_CHARS, SHOWN_LINES);
    const body = h("div", { class: "model-text", dir: "auto" });
    const changes = { formulas: 0, sources: 0, marks: 0 };
    appendText(head, body, changes);
    if (hidden)
      body.append(
        h(
          "span",
          { class: "gap", "data-source": hidden },
          `… ${count(hidden.length)} more characters, shown where the sentence is chosen …`,
        ),
      );
    appendText(tail, body, changes);
    item.append(body);
  }

  private pressed(event: KeyboardEvent): void {
    if (typing(event)) return;
    const last = this.sentences.length - 1;
    const steps = new Map([
      ["ArrowDown", this.chosen + 1],
      ["ArrowUp", this.chosen - 1],
      ["Home", 0],
      ["End", last],
    ]);
    const to = steps.get(event.key);
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const index = Math.min(last, Math.max(0, to));
    if (index !== this.chosen && index >= 0) this.choose(index, true);
  }
}
