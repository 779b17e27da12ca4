// The responses of one model to one problem: one of them as parts and as a graph.

import { h } from "./dom";
import type { ProblemResponses, ResponseEntry } from "./documents";
import { count, plural } from "./numbers";
import { aboutPart, graphOf } from "./parts";
import { Picture } from "./picture";
import { Sentences } from "./sentences";
import { showText } from "./text";
import { Shape } from "./tree";
import { chip, word } from "./verdicts";

function nameOf(
  response: ResponseEntry,
  index: number,
  responses: readonly ResponseEntry[],
): string {
  if (response.greedy) return "greedy";
  const before = responses.slice(0, index).filter(({ greedy }) => !greedy).length;
  return `sample ${before + 1}`;
}

export class ResponseView {
  readonly element = h("div", { class: "response" });

  constructor(
    private readonly title: string,
    private readonly choose: (response: number) => void,
    private readonly id: string,
  ) {}

  show(problem: ProblemResponses | undefined, index: number): void {
    this.element.replaceChildren(h("h3", {}, this.title));
    if (!problem) {
      this.element.append(h("p", { class: "message" }, "This model was not asked this problem."));
      return;
    }
    const { responses } = problem;
    const tabs = h("div", {
      class: "bar",
      role: "group",
      "aria-label": `Responses of ${this.title}`,
    });
    responses.forEach((response, i) => {
      const pressed = String(i === index);
      const tab = h("button", {
        type: "button",
        "aria-pressed": pressed,
        click: () => this.choose(i),
      });
      tab.append(chip(response.verdict[0], true), nameOf(response, i, responses));
      tabs.append(tab);
    });
    this.element.append(tabs);
    const response = responses[index];
    if (response) this.showResponse(response);
    else this.element.append(h("p", { class: "message" }, `There is no response ${index}.`));
  }

  private showResponse(response: ResponseEntry): void {
    const [status, answer, reason] = response.verdict;
    const backtracks = response.parts.filter(([kind]) => kind === "backtrack").length;
    const facts = [
      plural(response.parts.length, "part"),
      plural(backtracks, "backtrack"),
      response.tokens ? plural(response.tokens, "token") : "",
      `ended by ${response.finish_reason}`,
    ].filter(Boolean);
    const graph = graphOf(response.parts);
    const nodes = new Map<number, number[]>();
    graph.node.forEach((node, part) => {
      const known = nodes.get(node);
      if (known) known.push(part);
      else nodes.set(node, [part]);
    });
    const sentences = new Sentences("Parts of the response", (part) => choose(part));
    sentences.element.id = `${this.id}-parts`;
    const picture = new Picture((node) => choose(nodes.get(node)?.[0] ?? -1), 220);
    const whole = h("div", { class: "pane-part" });
    const choose = (part: number): void => {
      const node = part < 0 ? 0 : graph.node[part]!;
      sentences.select(part, new Set(nodes.get(node)));
      picture.show(node, { ...graph.walk, upTo: part < 0 ? response.parts.length : part + 1 });
      const text =
        part < 0 ? response.parts.map(([, written]) => written).join("") : response.parts[part]![1];
      const name =
        part < 0 ? "The whole response" : `Part ${part + 1}: ${response.parts[part]![0]}`;
      whole.replaceChildren(h("h4", {}, name), showText(text, "the text"));
    };
    const last = graph.parent.length - 1;
    const look = {
      strength: () => 0.6,
      status: (node: number) => (node === last && node ? status : undefined),
    };
    picture.setTree(
      graph.parent,
      new Shape(graph.parent),
      look,
      `The response as a graph of ${plural(last, "step")} and ${plural(backtracks, "backtrack")}`,
    );
    sentences.set(
      response.parts.map((part) => ({ kind: part[0], text: part[1], about: aboutPart(part) })),
    );
    const read =
      answer === null ? "The verifier read no answer." : "Answer that the verifier read:";
    this.element.append(
      h("p", { class: "facts" }, chip(status), ` · ${facts.join(" · ")}`),
      picture.element,
      h("div", { class: "bar" }, picture.zoom.buttons),
      sentences.element,
      whole,
      h("p", { class: "label" }, read),
      answer === null ? "" : showText(answer, "the answer"),
      reason ? h("p", { class: "label" }, `Reason of the verdict "${word(status)}":`) : "",
      reason ? showText(reason, "the reason") : "",
    );
    choose(-1);
  }
}

/** How many samples of a problem are right, in words. */
export function rightOf(correct: number, samples: number): string {
  return `${count(correct)} of ${count(samples)}`;
}
