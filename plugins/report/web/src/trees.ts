// The section "Trees": the list, or the tree that the address names.

import { changed, type Address, type Router } from "./address";
import { bdi, h } from "./dom";
import type { RunDocument, TreeDocument, TreeList } from "./documents";
import { Explorer, type Around } from "./explorer";
import { idText } from "./marks";
import type { Source } from "./source";
import { TreeTable } from "./treelist";

const ONE_TREE = { tree: null, node: null, trace: null, step: null };

export class Trees {
  private readonly content = h("div");
  private readonly explorer: Explorer;
  private list: TreeList | undefined;
  private table: TreeTable | undefined;
  private numbers = new Map<string, number>();
  private names: string[] = ["trees"];
  private asked = 0;
  private prepared = false;

  constructor(
    section: HTMLElement,
    run: RunDocument,
    private readonly source: Source,
    private readonly router: Router,
  ) {
    section.append(this.content);
    this.explorer = new Explorer(router, run.arms);
  }

  /** The names of the documents that are shown. */
  shown(): string[] {
    return this.names;
  }

  async show(address: Address): Promise<void> {
    const asked = ++this.asked;
    const list = await this.source.load<TreeList>("trees");
    if (asked !== this.asked) return;
    const table = this.tableOf(list);
    const id = address.values.get("tree");
    this.names = ["trees"];
    if (id === null) {
      table.show(address);
      this.put(table.element);
      if (list.id.length) this.source.whenIdle(() => this.prepare(`trees/${list.chunk[0]}`));
      return;
    }
    const number = this.numbers.get(id);
    const chunk = number === undefined ? undefined : list.chunk[number];
    const name = `trees/${chunk}`;
    const trees = chunk === undefined ? [] : await this.source.load<TreeDocument[]>(name);
    if (asked !== this.asked) return;
    const tree = trees.find((one) => one.number === number);
    if (!tree) {
      const said = ["This run has no tree ", bdi(idText(id)), ". "];
      const all = h("a", { href: "#trees" }, "All trees");
      this.put(h("p", { class: "message", role: "status" }, ...said, all));
      return;
    }
    this.names = ["trees", name];
    this.put(this.explorer.element);
    const around = (): Around => this.around(address, tree.number);
    this.explorer.show(tree, address, changed(address, ONE_TREE), around);
  }

  /** Lay out the explorer once, unseen, so that the first tree opens as fast as any other. */
  private async prepare(name: string): Promise<void> {
    if (this.prepared) return;
    this.prepared = true;
    const trees = await this.source.load<TreeDocument[]>(name).catch(() => []);
    if (!trees[0] || this.explorer.element.isConnected) return;
    this.explorer.prepare(trees[0]);
    const unseen = h("div", { class: "unseen", "aria-hidden": "true" }, this.explorer.element);
    this.content.append(unseen);
    requestAnimationFrame(() => window.setTimeout(() => unseen.remove()));
  }

  private tableOf(list: TreeList): TreeTable {
    this.table ??= new TreeTable(list, this.source, this.router);
    if (list !== this.list) {
      this.list = list;
      this.table.setList(list);
      this.numbers = new Map(list.id.map((id, number) => [id, number]));
    }
    return this.table;
  }

  private put(element: HTMLElement): void {
    if (this.content.firstChild !== element) this.content.replaceChildren(element);
  }

  private around(address: Address, number: number): Around {
    const rows = this.table!.rows(address);
    const at = rows.indexOf(number);
    const to = (row: number | undefined): string | undefined =>
      row === undefined
        ? undefined
        : changed(address, { ...ONE_TREE, tree: this.list!.id[row] ?? "" });
    return { before: to(rows[at - 1]), after: at < 0 ? undefined : to(rows[at + 1]) };
  }
}
