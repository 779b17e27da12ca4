// Where the formulas of a text are, and which of them may be rendered.

import katex from "katex";

export interface Formula {
  start: number;
  end: number;
  body: string;
  display: boolean;
}

const LONGEST = 2000;
const DEEPEST = 40;

/** Code spans and closed fences, in which a dollar is a dollar. */
function codeRanges(text: string): [number, number][] {
  if (!/`|~~~/.test(text)) return [];
  const found: [number, number][] = [];
  for (const match of text.matchAll(/```[^]*?```|~~~[^]*?~~~|(`+)(?!`)[^`\n]+?(?<!`)\1(?!`)/g)) {
    found.push([match.index, match.index + match[0].length]);
  }
  return found;
}

/** The index after the closing delimiter, or -1. The body holds no blank line and no new opener. */
function closing(text: string, from: number, closer: string, opener: string): number {
  const limit = Math.min(text.length, from + 50_000);
  for (let i = from; i < limit; i++) {
    if (text.startsWith(closer, i)) return i;
    if (text.startsWith(opener, i)) return -1;
    if (text[i] === "\\") i++;
    else if (text[i] === "\n" && /^\n[^\S\n]*\n/.test(text.slice(i, i + 200))) return -1;
  }
  return -1;
}

/** Whether a dollar begins a name, as in `$home/$user`, and ends no formula, as in `$n$th`. */
function namesGoOn(text: string, dollar: number): boolean {
  const word = /^[a-z_]+/.exec(text.slice(dollar + 1, dollar + 4))?.[0] ?? "";
  return word.length > 2 || (word !== "" && !/[\p{L}\p{N})}\]]/u.test(text[dollar - 1]!));
}

/** The closing dollar of a formula within a line, or -1 where the first next dollar closes none. */
function closingDollar(text: string, from: number): number {
  if (from >= text.length || /[\s$)\]},;:!?]/.test(text[from] ?? "")) return -1;
  if (/\p{Script=Latin}/u.test(text[from - 2] ?? "")) return -1;
  for (let i = from; i < text.length && text[i] !== "\n"; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === "$") {
      const fits = !/\s/.test(text[i - 1] ?? " ") && !/[\d\p{Lu}${]/u.test(text[i + 1] ?? "");
      return fits && !namesGoOn(text, i) ? i : -1;
    }
  }
  return -1;
}

/** The formulas of a text, in order. What is not closed is text. */
export function formulasOf(text: string): Formula[] {
  const found: Formula[] = [];
  if (!/[$\\]/.test(text)) return found;
  const code = codeRanges(text);
  let nextCode = 0;
  for (let i = 0; i < text.length; i++) {
    while (code[nextCode] && code[nextCode]![1] <= i) nextCode++;
    if (code[nextCode] && code[nextCode]![0] <= i) {
      i = code[nextCode]![1] - 1;
      continue;
    }
    const two = text.slice(i, i + 2);
    let end = -1;
    let width = 2;
    if (two === "\\(") end = closing(text, i + 2, "\\)", "\\(");
    else if (two === "\\[") end = closing(text, i + 2, "\\]", "\\[");
    else if (two === "$$") end = closing(text, i + 2, "$$", "\0");
    else if (two[0] === "$") {
      width = 1;
      end = closingDollar(text, i + 1);
    } else if (two[0] === "\\") {
      i++;
      continue;
    } else continue;
    const from = i + width;
    if (end > from) {
      const display = two === "\\[" || two === "$$";
      found.push({ start: i, end: end + width, body: text.slice(from, end), display });
      i = end + width - 1;
    } else i += width - 1;
  }
  return found;
}

/**
 * Commands that can hide or move text, define others, or reach out of the page. A formula with one
 * is shown as its source.
 */
const BARRED = new RegExp(
  "\\\\(?:" +
    "(?:text)?color|(?:f)?colorbox|[hv]?phantom|m?kern|[hm]skip|hspace|mspace|raisebox|v?smash|smash" +
    "|(?:math)?[lrc]lap|mathchoice|rule|tiny|href|url|html\\w*|includegraphics|[gex]?def|let|futurelet" +
    "|(?:re)?newcommand|providecommand|global|long|char|verb|neg(?:thin|med|thick)space|above|cr|tag" +
    "|begingroup|endgroup|bgroup|egroup|expandafter|noexpand|csname|operatornamewithlimits|hbox|vcenter" +
    "|(?:upper|lower)case|unicode|relax|genfrac|TextOrMath|label" +
    ")(?![a-zA-Z])|(?<!\\\\)(?:\\\\\\\\)*%|\\\\\\\\\\*?\\s*\\[\\s*-|\\\\[a-zA-Z]*@|(?:\\\\!\\s*){3}|@\\{",
);

function depth(body: string): number {
  let [now, most] = [0, 0];
  for (const { 0: found } of body.matchAll(/\\[^]|\\(?:left|begin)\b|[{}]/g)) {
    now += found === "{" ? 1 : found === "}" ? -1 : 0;
    most = Math.max(most, now);
  }
  return most;
}

export function renderable(formula: Formula): boolean {
  const { body } = formula;
  return (
    body.length <= LONGEST && body.trim() !== "" && depth(body) <= DEEPEST && !BARRED.test(body)
  );
}

const NO_LETTERS =
  /\\(?:begin|end)\s*\{[^}]*\}(?:\s*\{[lcr|\s\d]*\})?|\\[a-zA-Z]+|\[[^\]]*(?:em|ex|pt|mu)\s*\]/g;

/** Whether each letter and digit of a formula is drawn at least as often as it is written. */
export function showsAll(body: string, drawn: string): boolean {
  const left = new Map<string, number>();
  for (const character of drawn) left.set(character, (left.get(character) ?? 0) + 1);
  for (const character of body.replace(NO_LETTERS, " ").match(/[\p{L}\p{N}]/gu) ?? []) {
    const number = left.get(character) ?? 0;
    if (!number) return false;
    left.set(character, number - 1);
  }
  return drawn.trim() !== "";
}

/** Render a formula into an element; false if it has no rendering, and the element is unchanged. */
export function render(formula: Formula, into: HTMLElement): boolean {
  const made = document.createElement("span");
  try {
    katex.render(formula.body, made, {
      displayMode: formula.display,
      output: "html",
      throwOnError: true,
      trust: false,
      strict: "ignore",
      maxSize: 10,
      maxExpand: 200,
    });
  } catch {
    return false;
  }
  if (!showsAll(formula.body, made.textContent ?? "")) return false;
  into.replaceChildren(...made.childNodes);
  return true;
}
