// The list of a run's trees: filters, a search through their text, and the table.

import { changed, formatAddress, numberIn, type Address, type Router } from "./address";
import { bdi, button, h, input, select } from "./dom";
import type { Metadata, TreeDocument, TreeList } from "./documents";
import { nodesWith } from "./finding";
import { idText, oneLine } from "./marks";
import { count, metadataText, plural } from "./numbers";
import type { Source } from "./source";
import { pageOf, showTable, sorted, type Column } from "./table";
import { CLASSES, counts, word } from "./verdicts";

const METADATA_COLUMNS = 3;
const SEARCH_AFTER_MS = 350;

function valueOf(metadata: Metadata | undefined, key: string): unknown {
  return metadata && Object.hasOwn(metadata, key) ? metadata[key] : undefined;
}

/** The keys of metadata that at least a tenth of the problems have, the usual ones first. */
export function metadataKeys(metadata: readonly Metadata[]): string[] {
  const found = new Map<string, number>();
  for (const one of metadata)
    for (const key of Object.keys(one)) found.set(key, (found.get(key) ?? 0) + 1);
  const common = [...found]
    .filter(([, times]) => times * 10 >= metadata.length)
    .map(([key]) => key);
  const rank = (key: string): number => ["level", "subject"].indexOf(key) + 1 || 9;
  return common.sort((a, b) => rank(a) - rank(b)).slice(0, METADATA_COLUMNS);
}

export function metadataColumns(metadata: readonly Metadata[]): Column[] {
  return metadataKeys(metadata).map((key) => ({
    key: `metadata.${key}`,
    title: oneLine(key, 40),
    value: (row) => valueOf(metadata[row], key),
    cell: (row) => {
      const text = metadataText(valueOf(metadata[row], key));
      return text === undefined ? h("span", { class: "missing" }, "none") : bdi(oneLine(text, 80));
    },
  }));
}

/** Whether a tree is solved: "yes", "no", or "unread" where no end of it has a verdict. */
export function solvedState(verdicts: Record<string, number>): string {
  const known = Object.entries(verdicts).filter(([status, number]) => status !== "none" && number);
  if (known.some(([status]) => status === "correct")) return "yes";
  return known.length ? "no" : "unread";
}

export function matches(list: TreeList, row: number, address: Address): boolean {
  const { values } = address;
  const verdicts = list.verdicts[row] ?? {};
  const number = (status: string): number =>
    Object.hasOwn(verdicts, status) ? verdicts[status]! : 0;
  const solved = values.get("solved");
  if (solved && solved !== solvedState(verdicts)) return false;
  const status = values.get("verdict");
  if (status && !number(status)) return false;
  const [least, most] = [numberIn(address, "min"), numberIn(address, "max")];
  if (least !== undefined && list.size[row]! < least) return false;
  if (most !== undefined && list.size[row]! > most) return false;
  const id = values.get("id");
  return !id || list.id[row]!.toLowerCase().includes(id.toLowerCase());
}

export class TreeTable {
  readonly element = h("div", { class: "tree-list" });
  private readonly filters = h("form", {
    class: "filters",
    submit: (event: Event) => event.preventDefault(),
  });
  private readonly said = h("p", { class: "note", role: "status" });
  private readonly table = h("div");
  private columns: Column[];
  private built = "";
  private searched = "";
  private found: Set<number> | undefined;
  private timer = 0;

  constructor(
    private list: TreeList,
    private readonly source: Source,
    private readonly router: Router,
  ) {
    this.columns = this.makeColumns();
    this.element.append(this.filters, this.said, this.table);
  }

  /** Show another list from now on, such as that of a run that has gone on. */
  setList(list: TreeList): void {
    this.list = list;
    this.columns = this.makeColumns();
  }

  /** The trees that the address lets through, in its order. */
  rows(address: Address): number[] {
    const rows = this.list.id
      .map((_, row) => row)
      .filter((row) => matches(this.list, row, address));
    const text = address.values.get("text");
    const searched =
      text && this.found && text === this.searched
        ? rows.filter((row) => this.found!.has(row))
        : rows;
    return sorted(searched, this.columns, address);
  }

  show(address: Address): void {
    this.showFilters(address);
    const text = address.values.get("text") ?? "";
    if (text !== this.searched) void this.search(text);
    const rows = this.rows(address);
    this.table.replaceChildren(
      showTable("Trees", rows, this.columns, address, (hash) => this.router.go(hash)),
    );
    this.source.ahead(pageOf(rows, address).shown.map((row) => `trees/${this.list.chunk[row]}`));
  }

  private link(row: number): string {
    return changed(this.router.address, { tree: this.list.id[row]!, page: null });
  }

  private makeColumns(): Column[] {
    const { list } = this;
    const correct = (row: number): number =>
      (valueOf(list.verdicts[row], "correct") as number) ?? 0;
    return [
      { key: "number", title: "#", numeric: true, value: (row) => row, cell: (row) => String(row) },
      {
        key: "id",
        title: "id",
        value: (row) => list.id[row],
        cell: (row) =>
          h("a", { href: this.link(row), "data-tree": row }, bdi(idText(list.id[row]!))),
      },
      {
        key: "prompt",
        title: "problem",
        value: (row) => list.prompt[row],
        cell: (row) => bdi(oneLine(list.prompt[row]!, 90), "prompt"),
      },
      ...metadataColumns(list.metadata),
      {
        key: "ends",
        title: "ends",
        value: correct,
        cell: (row) => counts(list.verdicts[row] ?? {}),
      },
      this.numbers("size", "nodes", list.size),
      this.numbers("depth", "depth", list.depth),
      this.numbers("tokens", "tokens", list.tokens),
      this.numbers("traces", "traces", list.traces),
    ];
  }

  private numbers(key: string, title: string, values: readonly (number | null)[]): Column {
    const cell = (row: number): Node | string => {
      const value = values[row];
      return value === null || value === undefined
        ? h("span", { class: "missing" }, "none")
        : count(value);
    };
    return { key, title, numeric: true, value: (row) => values[row], cell };
  }

  private showFilters(address: Address): void {
    const state = ["solved", "verdict", "min", "max", "id", "text"]
      .map((name) => address.values.get(name) ?? "")
      .join("\0");
    if (state === this.built || this.filters.contains(document.activeElement)) return;
    this.built = state;
    const value = (name: string): string => address.values.get(name) ?? "";
    const set = (name: string) => (text: string) =>
      this.router.change({ [name]: text || null, page: null }, true);
    const waiting = (text: string): void => {
      window.clearTimeout(this.timer);
      this.timer = window.setTimeout(() => set("text")(text), SEARCH_AFTER_MS);
    };
    this.filters.replaceChildren(
      select(
        "Solved",
        [
          ["", "all"],
          ["yes", "solved"],
          ["no", "not solved"],
          ["unread", "no verdict"],
        ],
        value("solved"),
        set("solved"),
      ),
      select(
        "With an end that is",
        [["", "anything"], ...CLASSES.map((status): [string, string] => [status, word(status)])],
        value("verdict"),
        set("verdict"),
      ),
      input("Nodes from", value("min"), set("min"), { type: "number", min: 0 }),
      input("Nodes up to", value("max"), set("max"), { type: "number", min: 0 }),
      input("Id contains", value("id"), set("id"), { type: "search" }),
      input("Text contains", value("text"), waiting, {
        type: "search",
        placeholder: "steps, answers, sentences",
      }),
      button("Clear", () => {
        (document.activeElement as HTMLElement | null)?.blur();
        this.router.go(formatAddress("trees", new URLSearchParams()));
      }),
    );
  }

  /** Search the text of all trees, chunk by chunk, until another search begins. */
  private async search(text: string): Promise<void> {
    this.searched = text;
    this.found = text ? new Set() : undefined;
    this.said.textContent = "";
    if (!text) return;
    const chunks = [...new Set(this.list.chunk)];
    let seen = 0;
    for (const chunk of chunks) {
      const trees = await this.source.load<TreeDocument[]>(`trees/${chunk}`).catch(() => []);
      if (this.searched !== text) return;
      for (const tree of trees) {
        seen++;
        const whole = [tree.id, tree.answer].some((part) =>
          part.toLowerCase().includes(text.toLowerCase()),
        );
        if (
          whole ||
          nodesWith(
            tree,
            tree.parent.map((_, node) => node),
            text,
          ).length
        )
          this.found?.add(tree.number);
      }
      const done = `Searched ${count(seen)} of ${plural(this.list.id.length, "tree")}: the text is in ${count(this.found?.size ?? 0)}.`;
      this.said.textContent = done;
      await new Promise((resolve) => window.setTimeout(resolve));
    }
    if (this.searched === text) this.router.refresh();
  }
}
