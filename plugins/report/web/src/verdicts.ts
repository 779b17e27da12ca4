// The classes of verdicts, each with a mark of its own shape and a word.

import { h } from "./dom";
import { count } from "./numbers";

const MARKS = new Map([
  ["correct", "✓"],
  ["incorrect", "✗"],
  ["unparsed", "?"],
  ["timeout", "◷"],
  ["bad_reference", "≠"],
  ["error", "!"],
  ["none", "○"],
]);

export const CLASSES: readonly string[] = [...MARKS.keys()];

export function word(status: string): string {
  return status === "none" ? "no verdict" : status.replaceAll("_", " ");
}

function tone(status: string): string {
  return status === "correct" ? "right" : status === "incorrect" ? "wrong" : "unread";
}

/** The mark of a class, and its word unless `short`, in which case the word is the title. */
export function chip(status: string, short = false): HTMLElement {
  const sign = h("span", { class: "sign", "aria-hidden": "true" }, MARKS.get(status) ?? "!");
  const name = h("span", { class: short ? "offscreen" : null }, word(status));
  return h("span", { class: `chip ${tone(status)}`, title: word(status) }, sign, name);
}

/** How many there are of each class, without the classes that there are none of. */
export function counts(verdicts: Record<string, number>): HTMLElement {
  const box = h("span", { class: "counts" });
  for (const status of CLASSES) {
    const number = Object.hasOwn(verdicts, status) ? verdicts[status]! : 0;
    if (number) box.append(h("span", {}, chip(status, true), count(number)));
  }
  return box;
}
