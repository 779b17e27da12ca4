// A search within one tree, which takes all text literally, upper and lower case alike.

import { button, h, input } from "./dom";
import type { TreeDocument } from "./documents";
import { plural } from "./numbers";

/** The nodes whose step, verdict or sentences contain a text, in the order of `order`. */
export function nodesWith(tree: TreeDocument, order: Iterable<number>, text: string): number[] {
  const wanted = text.toLowerCase();
  if (!wanted) return [];
  const has = (other: string | null): boolean => !!other && other.toLowerCase().includes(wanted);
  const verdicts = tree.verdicts.map(
    ([status, answer, reason]) => has(status) || has(answer) || has(reason),
  );
  const told = new Set<number>();
  for (const trace of tree.traces) {
    for (const [node, , , segment] of trace.segments) if (has(segment)) told.add(node);
  }
  return [...order].filter((node) => {
    const own = node === 0 ? tree.prompt : tree.text[node]!;
    return told.has(node) || has(own) || verdicts[tree.verdict[node]!];
  });
}

export class Finder {
  readonly element: HTMLElement;
  private readonly said = h("span", { class: "note", role: "status" });
  private readonly box: HTMLInputElement;
  private found: number[] = [];
  private at = -1;

  constructor(
    private readonly find: (text: string) => number[],
    private readonly choose: (node: number) => void,
  ) {
    const field = input("Find in this tree", "", () => this.search(), {
      type: "search",
      placeholder: "key /",
    });
    this.box = field.querySelector("input")!;
    this.box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.next(event.shiftKey ? -1 : 1);
    });
    const previous = button("↑", () => this.next(-1), { "aria-label": "Previous match" });
    const next = button("↓", () => this.next(1), { "aria-label": "Next match" });
    this.element = h("div", { class: "finder" }, field, previous, next, this.said);
  }

  focus(): void {
    this.box.focus();
    this.box.select();
  }

  reset(text = ""): void {
    this.box.value = text;
    this.search();
  }

  private search(): void {
    this.found = this.find(this.box.value);
    this.at = -1;
    this.tell();
  }

  private tell(): void {
    const where = this.at < 0 ? "" : `${this.at + 1} of `;
    this.said.textContent = this.box.value ? `${where}${plural(this.found.length, "node")}` : "";
  }

  private next(by: number): void {
    const many = this.found.length;
    if (!many) return;
    this.at = this.at < 0 ? (by > 0 ? 0 : many - 1) : (this.at + by + many) % many;
    this.tell();
    this.choose(this.found[this.at]!);
  }
}
