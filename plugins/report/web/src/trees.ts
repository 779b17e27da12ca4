// The section "Trees": the list, or the tree that the address names.

import { changed, numberIn, type Address, type Router } from "./address";
import { h } from "./dom";
import type { RunDocument, TreeDocument, TreeList } from "./documents";
import { Explorer, type Around } from "./explorer";
import type { Source } from "./source";
import { TreeTable } from "./treelist";

const ONE_TREE = { tree: null, node: null, trace: null, step: null };

export class Trees {
  private readonly content = h("div");
  private readonly explorer: Explorer;
  private list: TreeList | undefined;
  private table: TreeTable | undefined;
  private asked = 0;

  constructor(
    section: HTMLElement,
    run: RunDocument,
    private readonly source: Source,
    private readonly router: Router,
  ) {
    section.append(this.content);
    this.explorer = new Explorer(router, run.arms);
  }

  async show(address: Address): Promise<void> {
    const asked = ++this.asked;
    this.list ??= await this.source.load<TreeList>("trees");
    this.table ??= new TreeTable(this.list, this.source, this.router);
    if (asked !== this.asked) return;
    const number = numberIn(address, "tree");
    if (number === undefined) {
      this.table.show(address);
      this.put(this.table.element);
      return;
    }
    const chunk = this.list.chunk[number];
    const trees =
      chunk === undefined ? [] : await this.source.load<TreeDocument[]>(`trees/${chunk}`);
    if (asked !== this.asked) return;
    const tree = trees.find((one) => one.number === number);
    if (!tree) {
      const all = h("a", { href: "#trees" }, "All trees");
      this.put(
        h(
          "p",
          { class: "message", role: "status" },
          `This run has no tree ${address.values.get("tree")}. `,
          all,
        ),
      );
      return;
    }
    this.put(this.explorer.element);
    this.explorer.show(tree, address, changed(address, ONE_TREE), () =>
      this.around(address, number),
    );
  }

  /** A document of the live view has changed: read it again. */
  async refresh(address: Address, name: string): Promise<void> {
    await this.source.load(name, true);
    if (name === "trees") {
      this.list = undefined;
      this.table = undefined;
    }
    await this.show(address);
  }

  private put(element: HTMLElement): void {
    if (this.content.firstChild !== element) this.content.replaceChildren(element);
  }

  private around(address: Address, number: number): Around {
    const rows = this.table!.rows(address);
    const at = rows.indexOf(number);
    const to = (row: number | undefined): string | undefined =>
      row === undefined ? undefined : changed(address, { ...ONE_TREE, tree: row });
    return { before: to(rows[at - 1]), after: at < 0 ? undefined : to(rows[at + 1]) };
  }
}
