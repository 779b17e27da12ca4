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
const PER_GROUP = 30;
const KINDS = new Map([
  ["step", "step"],
  ["reflection", "reflection"],
  ["backtrack", "backtrack"],
]);

export class Sentences {
  readonly element: HTMLElement;
  private items: HTMLElement[] = [];
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
        if (item && !selecting) this.choose(this.items.indexOf(item as HTMLElement), false);
      },
      keydown: (event: KeyboardEvent) => this.pressed(event),
    });
    this.watcher = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) if (entry.isIntersecting) this.write(entry.target);
      },
      { root: this.element, rootMargin: "300px" },
    );
  }

  set(sentences: Sentence[]): void {
    this.watcher.disconnect();
    this.sentences = sentences;
    this.chosen = -1;
    this.items = sentences.map((sentence, index) => {
      const kind = KINDS.get(sentence.kind) ?? sentence.kind;
      return h(
        "div",
        {
          role: "option",
          id: `${this.element.id}-${index}`,
          class: `sentence-item kind-${kind}`,
          "data-index": index,
          "aria-selected": "false",
        },
        h(
          "span",
          { class: "kind" },
          h("b", {}, kind),
          ` ${index + 1}${sentence.about ? `, ${sentence.about}` : ""}`,
        ),
      );
    });
    const groups: HTMLElement[] = [];
    for (let at = 0; at < this.items.length; at += PER_GROUP) {
      groups.push(
        h("div", { role: "presentation", class: "group" }, ...this.items.slice(at, at + PER_GROUP)),
      );
    }
    this.element.replaceChildren(...groups);
    for (const item of this.items) this.watcher.observe(item);
  }

  /** Choose a sentence, -1 for none, and mark others as belonging to the same node. */
  select(index: number, same: ReadonlySet<number>): void {
    this.items.forEach((item, i) => {
      const selected = String(i === index);
      if (item.getAttribute("aria-selected") !== selected)
        item.setAttribute("aria-selected", selected);
      if (item.classList.contains("same") !== same.has(i))
        item.classList.toggle("same", same.has(i));
    });
    const item = this.items[index];
    if (item) this.element.setAttribute("aria-activedescendant", item.id);
    else this.element.removeAttribute("aria-activedescendant");
    if (item && index !== this.chosen) this.reveal(item);
    this.chosen = index;
  }

  private reveal(item: HTMLElement): void {
    this.write(item);
    const box = this.element.getBoundingClientRect();
    const place = item.getBoundingClientRect();
    if (place.top >= box.top && place.bottom <= box.bottom) return;
    this.element.scrollTop += place.top - box.top - box.height / 4;
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
    const last = this.items.length - 1;
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
