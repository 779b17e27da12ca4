// The section "Responses": evaluated problems, and one problem's responses of one or two models.

import { changed, formatAddress, numberIn, type Address, type Router } from "./address";
import { bdi, button, h, input, select } from "./dom";
import type { ModelHead, ProblemResponses, ResponseList, RunDocument } from "./documents";
import { idText, oneLine } from "./marks";
import { ResponseView, rightOf } from "./response";
import { encodeName, type Source } from "./source";
import { showTable, sorted, type Column } from "./table";
import { showText } from "./text";
import { metadataColumns } from "./treelist";
import { chip } from "./verdicts";

function listMatches(list: ResponseList, row: number, address: Address): boolean {
  const { values } = address;
  const [correct, samples] = [list.correct[row]!, list.samples[row]!];
  const right = values.get("right");
  if (right === "all" && correct < samples) return false;
  if (right === "some" && (correct === 0 || correct === samples)) return false;
  if (right === "none" && correct > 0) return false;
  const backtracks = values.get("backtracks");
  if (backtracks && (backtracks === "yes") !== list.backtracks[row]! > 0) return false;
  const set = values.get("set");
  if (set !== null && list.evaluation_set[row] !== set.slice(1)) return false;
  const id = values.get("id");
  return !id || list.id[row]!.toLowerCase().includes(id.toLowerCase());
}

export class Responses {
  private readonly content = h("div");
  private readonly filters = h("form", {
    class: "filters",
    submit: (event: Event) => event.preventDefault(),
  });
  private readonly table = h("div");
  private names: string[] = [];
  private asked = 0;

  constructor(
    section: HTMLElement,
    private readonly run: RunDocument,
    private readonly source: Source,
    private readonly router: Router,
  ) {
    section.append(this.content);
  }

  /** The names of the documents that are shown. */
  shown(): string[] {
    return this.names;
  }

  async show(address: Address): Promise<void> {
    const asked = ++this.asked;
    this.names = [];
    const name = address.values.get("model") ?? this.run.models[0]?.name;
    const model = this.run.models.find((known) => known.name === name);
    if (!model) {
      this.content.replaceChildren(
        h(
          "p",
          { class: "message", role: "status" },
          `This run has no responses of a model ${idText(name ?? "")}.`,
        ),
      );
      return;
    }
    this.names = [`responses/${encodeName(model.name)}`];
    const list = await this.source.load<ResponseList>(this.names[0]!);
    if (asked !== this.asked) return;
    const row = numberIn(address, "problem");
    if (row === undefined) this.showList(list, model, address);
    else await this.showProblem(list, model, row, address, asked);
  }

  private showList(list: ResponseList, model: ModelHead, address: Address): void {
    if (!this.filters.contains(document.activeElement)) this.showFilters(list, model, address);
    const columns = this.columns(list);
    const rows = list.id.map((_, row) => row).filter((row) => listMatches(list, row, address));
    this.table.replaceChildren(
      showTable("Evaluated problems", sorted(rows, columns, address), columns, address, (hash) =>
        this.router.go(hash),
      ),
    );
    if (this.table.parentNode !== this.content)
      this.content.replaceChildren(this.filters, this.table);
  }

  private showFilters(list: ResponseList, model: ModelHead, address: Address): void {
    const value = (key: string): string => address.values.get(key) ?? "";
    const set = (key: string) => (text: string) =>
      this.router.change({ [key]: text || null, page: null }, true);
    const sets = [...new Set(list.evaluation_set)];
    this.filters.replaceChildren(
      select(
        "Model",
        this.run.models.map(({ name, title }) => [name, title]),
        model.name,
        (name) => this.router.change({ model: name, page: null }),
      ),
      sets.length > 1
        ? select(
            "Set",
            [["", "all"], ...sets.map((one): [string, string] => [`=${one}`, one || "(main set)"])],
            value("set"),
            set("set"),
          )
        : "",
      select(
        "Right samples",
        [
          ["", "any number"],
          ["all", "all"],
          ["some", "some, not all"],
          ["none", "none"],
        ],
        value("right"),
        set("right"),
      ),
      select(
        "Backtracks",
        [
          ["", "any"],
          ["yes", "at least one"],
          ["no", "none"],
        ],
        value("backtracks"),
        set("backtracks"),
      ),
      input("Id contains", value("id"), set("id"), { type: "search" }),
      button("Clear", () => {
        (document.activeElement as HTMLElement | null)?.blur();
        this.router.go(formatAddress("responses", new URLSearchParams()));
      }),
    );
  }

  private columns(list: ResponseList): Column[] {
    const link = (row: number): string =>
      changed(this.router.address, { problem: row, response: null, page: null });
    const sets: Column = {
      key: "set",
      title: "set",
      value: (row) => list.evaluation_set[row],
      cell: (row) => bdi(oneLine(list.evaluation_set[row]!)),
    };
    return [
      { key: "number", title: "#", numeric: true, value: (row) => row, cell: (row) => String(row) },
      {
        key: "id",
        title: "id",
        value: (row) => list.id[row],
        cell: (row) => h("a", { href: link(row), "data-problem": row }, bdi(idText(list.id[row]!))),
      },
      {
        key: "prompt",
        title: "problem",
        value: (row) => list.prompt[row],
        cell: (row) => bdi(oneLine(list.prompt[row]!, 90), "prompt"),
      },
      ...(new Set(list.evaluation_set).size > 1 ? [sets] : []),
      ...metadataColumns(list.metadata),
      {
        key: "correct",
        title: "right samples",
        numeric: true,
        value: (row) => (list.samples[row] ? list.correct[row]! / list.samples[row]! : null),
        cell: (row) => rightOf(list.correct[row]!, list.samples[row]!),
      },
      {
        key: "greedy",
        title: "greedy",
        value: (row) => list.greedy[row],
        cell: (row) =>
          list.greedy[row] ? chip(list.greedy[row]!) : h("span", { class: "missing" }, "none"),
      },
      {
        key: "backtracks",
        title: "backtracks",
        numeric: true,
        value: (row) => list.backtracks[row],
        cell: (row) => String(list.backtracks[row]),
      },
    ];
  }

  private async problemOf(
    list: ResponseList,
    model: ModelHead,
    id: string,
    set: string,
  ): Promise<ProblemResponses | undefined> {
    const row = list.id.findIndex((known, at) => known === id && list.evaluation_set[at] === set);
    if (row < 0) return undefined;
    const chunk = await this.source.load<ProblemResponses[]>(
      `responses/${encodeName(model.name)}/${list.chunk[row]}`,
    );
    return chunk.find((one) => one.id === id && one.evaluation_set === set);
  }

  private async showProblem(
    list: ResponseList,
    model: ModelHead,
    row: number,
    address: Address,
    asked: number,
  ): Promise<void> {
    const id = list.id[row];
    const set = list.evaluation_set[row] ?? "";
    const problem = id === undefined ? undefined : await this.problemOf(list, model, id, set);
    const other = this.run.models.find(({ name }) => name === address.values.get("with"));
    const theirs =
      other && (await this.source.load<ResponseList>(`responses/${encodeName(other.name)}`));
    const compared =
      other && theirs && id !== undefined
        ? await this.problemOf(theirs, other, id, set)
        : undefined;
    if (asked !== this.asked) return;
    const list_ = changed(address, { problem: null, response: null, with: null, against: null });
    const back = h("a", { href: list_ }, "All problems");
    if (!problem) {
      this.content.replaceChildren(
        h(
          "p",
          { class: "message", role: "status" },
          `There is no problem ${address.values.get("problem")}. `,
          back,
        ),
      );
      return;
    }
    const to = (at: number, text: string): Node =>
      list.id[at] === undefined
        ? h("span", { class: "no-link" }, text)
        : h("a", { href: changed(address, { problem: at, response: null, against: null }) }, text);
    const others = this.run.models.filter(({ name }) => name !== model.name);
    const compare = select(
      "Beside it",
      [["", "no other model"], ...others.map(({ name, title }): [string, string] => [name, title])],
      other?.name ?? "",
      (name) => this.router.change({ with: name || null, against: null }),
    );
    const view = new ResponseView(
      model.title,
      (response) => this.router.change({ response }),
      "left",
    );
    view.show(problem, numberIn(address, "response") ?? 0);
    const sides = h("div", { class: other ? "sides two" : "sides" }, view.element);
    if (other) {
      const second = new ResponseView(
        other.title,
        (against) => this.router.change({ against }),
        "right",
      );
      second.show(compared, numberIn(address, "against") ?? 0);
      sides.append(second.element);
    }
    this.content.replaceChildren(
      h(
        "nav",
        { class: "steps", "aria-label": "Problems" },
        back,
        to(row - 1, "← Previous"),
        to(row + 1, "Next →"),
      ),
      h("h3", {}, "Problem ", bdi(idText(problem.id))),
      h(
        "div",
        { class: "problem" },
        showText(problem.prompt, "the problem"),
        h(
          "div",
          { class: "answer" },
          h("span", { class: "label" }, "Reference answer"),
          showText(problem.answer, "the reference answer"),
        ),
      ),
      others.length ? h("div", { class: "filters" }, compare) : "",
      sides,
    );
  }
}
