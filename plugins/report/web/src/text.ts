// Model text as elements: every character as it is stored, formulas rendered, nothing acted upon.

import { button, h } from "./dom";
import { formulasOf, render, renderable } from "./formulas";
import { marksOf, oneLine, wholeCharacters } from "./marks";
import { count, plural } from "./numbers";

const LONG_CHARS = 4000;
const LONG_LINES = 200;
const BLOCK_CHARS = 4000;
/** The most characters of LaTeX that are rendered in one text. */
const RENDERED_CHARS = 8000;

export interface Changes {
  formulas: number;
  sources: number;
  marks: number;
}

function textNodes(text: string, into: Node, changes: Changes): void {
  let from = 0;
  for (const mark of marksOf(text)) {
    into.appendChild(document.createTextNode(text.slice(from, mark.at)));
    const seen = mark.label === "\n";
    const title = seen ? null : "A character that would not be seen";
    const name = seen ? "line-end" : "mark";
    into.appendChild(h("span", { class: name, "data-source": mark.text, title }, mark.label));
    if (mark.newline) into.appendChild(h("br", { "data-source": "" }));
    from = mark.at + mark.text.length;
    changes.marks += seen ? 0 : 1;
  }
  into.appendChild(document.createTextNode(text.slice(from)));
}

/** Append a text to an element. With `source`, formulas stay as they are written. */
export function appendText(text: string, into: Node, changes: Changes, source = false): void {
  let from = 0;
  let rendered = 0;
  for (const formula of source ? [] : formulasOf(text)) {
    const written = text.slice(formula.start, formula.end);
    textNodes(text.slice(from, formula.start), into, changes);
    from = formula.end;
    rendered += written.length;
    const element = h("span", { class: "formula", "data-source": written, title: written });
    const fits = rendered <= RENDERED_CHARS && renderable(formula) && !marksOf(formula.body).length;
    if (fits && render(formula, element)) {
      element.setAttribute("role", "math");
      element.setAttribute("aria-label", written);
      changes.formulas++;
    } else {
      changes.sources++;
      const raw = h("span", { class: "latex" });
      textNodes(written, raw, changes);
      into.appendChild(raw);
      continue;
    }
    into.appendChild(element);
  }
  textNodes(text.slice(from), into, changes);
}

const LINE_CHARS = 200;
const LINE_FORMULA = 120;

/** The beginning of a text in one line, with its short formulas rendered. */
export function lineElement(text: string): HTMLElement {
  const line = h("bdi", { class: "line" });
  const start = text.trimStart().slice(0, LINE_CHARS);
  const last = start.trimEnd().indexOf("\n");
  let from = 0;
  for (const formula of last < 0 && text.length < LINE_CHARS ? formulasOf(start) : []) {
    const written = start.slice(formula.start, formula.end);
    const element = h("span", { class: "formula", "data-source": written });
    const fits =
      written.length <= LINE_FORMULA && !/\\(?:begin|\\)/.test(written) && !marksOf(written).length;
    if (!fits || !renderable(formula) || !render({ ...formula, display: false }, element)) continue;
    line.append(oneLine(`.${start.slice(from, formula.start)}.`).slice(1, -1), element);
    from = formula.end;
  }
  if (from === 0) line.append(oneLine(text) || (text ? "(blank)" : "(empty)"));
  else line.append(oneLine(`.${start.slice(from)}`).slice(1));
  return line;
}

/** The index after the `lines`-th line end, or `limit` if that comes before it. */
function endOfHead(text: string, limit: number, lines: number): number {
  let at = 0;
  for (let line = 0; line < lines; line++) {
    const next = text.indexOf("\n", at);
    if (next < 0 || next >= limit)
      return wholeCharacters(text, Math.min(limit, text.length)).length;
    at = next + 1;
  }
  return at;
}

function startOfTail(text: string, limit: number, lines: number): number {
  const floor = Math.max(0, text.length - limit);
  let at = text.length - 1;
  for (let line = 0; line < lines; line++) {
    at = text.lastIndexOf("\n", at - 1);
    if (at < floor) {
      const code = text.charCodeAt(floor);
      return code >= 0xdc00 && code < 0xe000 ? floor + 1 : floor;
    }
  }
  return at + 1;
}

export interface Cut {
  head: string;
  hidden: string;
  tail: string;
}

/** The parts of a text: all of it is head unless it is long. */
export function cutText(text: string, chars = LONG_CHARS, lines = LONG_LINES): Cut {
  const head = endOfHead(text, chars, lines);
  if (head >= text.length) return { head: text, hidden: "", tail: "" };
  const from = Math.min(text.length, endOfHead(text, chars * 0.75, lines * 0.75));
  const tail = Math.max(from, startOfTail(text, chars / 4, lines / 4));
  return { head: text.slice(0, from), hidden: text.slice(from, tail), tail: text.slice(tail) };
}

/** Blocks of a long text, each ending at a line end where there is one near. */
export function* blocksOf(text: string): Generator<string> {
  for (let at = 0; at < text.length;) {
    let end = Math.min(text.length, at + BLOCK_CHARS);
    if (end < text.length) {
      const line = text.lastIndexOf("\n", end - 1) + 1;
      end = line > at ? line : at + wholeCharacters(text.slice(at, end), end - at).length;
    }
    yield text.slice(at, end);
    at = end;
  }
}

function note(changes: Changes): string {
  const parts = [
    changes.formulas ? `${plural(changes.formulas, "formula")} rendered` : "",
    changes.sources ? `${plural(changes.sources, "formula")} left as source` : "",
    changes.marks ? `${plural(changes.marks, "unseen character")} marked` : "",
  ].filter(Boolean);
  return parts.join(", ");
}

/** The whole of a model's text with buttons to copy it and to see its source. */
export function showText(text: string, name: string): HTMLElement {
  const body = h("div", { class: "model-text", dir: "auto" });
  const said = h("span", { class: "note" });
  const box = h(
    "div",
    { class: "text-box" },
    body,
    h("div", { class: "text-tools", "data-source": "" }, said),
  );
  let source = false;
  let drawn = 0;
  const draw = (all: boolean): void => {
    const number = ++drawn;
    const changes: Changes = { formulas: 0, sources: 0, marks: 0 };
    body.replaceChildren();
    const { head, hidden, tail } = all ? { head: "", hidden: "", tail: "" } : cutText(text);
    if (all) appendBlocks(text, body, changes, source, () => number === drawn);
    else appendText(head, body, changes, source);
    if (hidden) {
      const more = `… ${count(hidden.length)} more characters …`;
      const gap = h("span", { class: "gap", "data-source": hidden }, more);
      gap.append(
        " ",
        button("Show all", () => draw(true)),
      );
      body.append(gap);
      appendText(tail, body, changes, source);
    }
    if (!text.trim()) said.textContent = text ? "Only blanks and line ends." : "The text is empty.";
    else said.textContent = note(changes);
    toggle.hidden = !source && !changes.formulas;
    toggle.textContent = source ? "Show formulas" : "Show source";
    toggle.setAttribute("aria-pressed", String(source));
  };
  const toggle = button("Show source", () => ((source = !source), draw(false)), {
    class: "quiet source-toggle",
    "aria-pressed": "false",
    title: "Show formulas as they are written (key s)",
  });
  const copy = button("Copy", () => void copyText(text, copy), {
    class: "quiet",
    "aria-label": `Copy ${name} as it is stored`,
  });
  box.lastElementChild?.append(toggle, copy);
  draw(false);
  return box;
}

/** Append a long text block by block, a few in each frame, as long as `wanted`. */
function appendBlocks(
  text: string,
  into: HTMLElement,
  changes: Changes,
  source: boolean,
  wanted: () => boolean,
): void {
  const blocks = blocksOf(text);
  let continued = false;
  const some = (): void => {
    if (!wanted()) return;
    const until = performance.now() + 12;
    do {
      const next = blocks.next();
      if (next.done) return;
      const block = h("div", { class: continued ? "block continued" : "block" });
      appendText(next.value, block, changes, source);
      continued = !next.value.endsWith("\n");
      into.append(block);
    } while (performance.now() < until);
    requestAnimationFrame(some);
  };
  some();
}

async function copyText(text: string, told: HTMLElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "offscreen" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  told.textContent = "Copied";
  window.setTimeout(() => (told.textContent = "Copy"), 1500);
}
