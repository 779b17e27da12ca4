// A table of many rows, a page at a time, sorted by the column that the address names.

import { changed, numberIn, type Address } from "./address";
import { button, h } from "./dom";
import { compare, count } from "./numbers";

const PER_PAGE = 50;

export interface Column {
  key: string;
  title: string;
  value: (row: number) => unknown;
  cell: (row: number) => Node | string;
  numeric?: boolean;
}

/** The rows in the order that the address asks for. */
export function sorted(
  rows: readonly number[],
  columns: readonly Column[],
  address: Address,
): number[] {
  const wanted = address.values.get("sort") ?? "";
  const descending = wanted.startsWith("-");
  const column = columns.find(({ key }) => key === wanted.replace(/^-/, ""));
  if (!column) return [...rows];
  const values = new Map(rows.map((row) => [row, column.value(row)]));
  return [...rows].sort((a, b) => compare(values.get(a), values.get(b), descending) || a - b);
}

function heading(column: Column, address: Address, go: (hash: string) => void): HTMLElement {
  const now = address.values.get("sort");
  const direction =
    now === column.key ? "ascending" : now === `-${column.key}` ? "descending" : null;
  const next =
    direction === "ascending" ? `-${column.key}` : direction === "descending" ? null : column.key;
  const arrow = direction === "ascending" ? " ↑" : direction === "descending" ? " ↓" : "";
  const sort = button(
    `${column.title}${arrow}`,
    () => go(changed(address, { sort: next, page: null })),
    { class: "sort", "data-column": column.key },
  );
  return h(
    "th",
    { scope: "col", class: column.numeric ? "number" : null, "aria-sort": direction },
    sort,
  );
}

/** The rows of the page that the address names, where the page begins, and how many pages there are. */
export function pageOf(
  rows: readonly number[],
  address: Address,
): { shown: number[]; from: number; page: number; pages: number } {
  const pages = Math.max(1, Math.ceil(rows.length / PER_PAGE));
  const page = Math.min(pages, Math.max(1, numberIn(address, "page") || 1));
  const from = (page - 1) * PER_PAGE;
  return { shown: rows.slice(from, from + PER_PAGE), from, page, pages };
}

/** The page of the table that the address names. */
export function showTable(
  label: string,
  rows: readonly number[],
  columns: readonly Column[],
  address: Address,
  go: (hash: string) => void,
): HTMLElement {
  const { shown, from, page, pages } = pageOf(rows, address);
  const body = h("tbody");
  for (const row of shown) {
    const line = h("tr");
    for (const column of columns)
      line.append(h("td", { class: column.numeric ? "number" : null }, column.cell(row)));
    body.append(line);
  }
  const head = h(
    "thead",
    {},
    h("tr", {}, ...columns.map((column) => heading(column, address, go))),
  );
  const turn = (to: number, text: string): HTMLElement =>
    button(text, () => go(changed(address, { page: to > 1 ? to : null })), {
      disabled: to < 1 || to > pages || to === page,
    });
  const where = rows.length
    ? `${count(from + 1)} to ${count(from + shown.length)} of ${count(rows.length)}`
    : "None";
  const pager = h("div", { class: "pager" }, h("span", { role: "status" }, where));
  if (pages > 1)
    pager.append(
      turn(1, "First"),
      turn(page - 1, "Previous"),
      turn(page + 1, "Next"),
      turn(pages, "Last"),
    );
  return h(
    "div",
    {},
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
      h("table", { class: "list" }, head, body),
    ),
    pager,
  );
}
