// All that is known of one node of a tree.

import { bdi, button, h } from "./dom";
import type { TreeDocument } from "./documents";
import { oneLine } from "./marks";
import { count, decimal, share } from "./numbers";
import { statusOf } from "./outline";
import { showText } from "./text";
import { pathTo, type Shape } from "./tree";
import { chip } from "./verdicts";

const FIRST_SHOWN = 12;

type Choose = (node: number) => void;

function figures(pairs: [name: string, value: string | Node, exact?: string][]): HTMLElement {
  const list = h("dl", { class: "figures" });
  for (const [name, value, exact] of pairs) {
    list.append(h("div", {}, h("dt", {}, name), h("dd", { title: exact ?? null }, value)));
  }
  return list;
}

/** A list of nodes, as links; the first few until all are asked for. */
function nodeList(
  nodes: readonly number[],
  item: (node: number) => Node[],
  choose: Choose,
  chosen: number,
): HTMLElement {
  const list = h("ol", { class: "nodes" });
  const add = (some: readonly number[]): void => {
    for (const node of some) {
      const current = node === chosen ? "true" : null;
      const link = h("button", {
        type: "button",
        class: "node-link",
        "aria-current": current,
        click: () => choose(node),
      });
      link.append(...item(node));
      list.append(h("li", {}, link));
    }
  };
  const hidden = nodes.length - 2 * FIRST_SHOWN;
  if (hidden <= 0) add(nodes);
  else {
    add(nodes.slice(0, FIRST_SHOWN));
    const gap = h(
      "li",
      { class: "more" },
      button(`Show ${count(hidden)} more`, () => (list.replaceChildren(), add(nodes)), {
        class: "quiet",
      }),
    );
    list.append(gap);
    add(nodes.slice(-FIRST_SHOWN));
  }
  return list;
}

function section(title: string, ...content: Node[]): HTMLElement {
  return h("section", { class: "part" }, h("h4", {}, title), ...content);
}

function line(tree: TreeDocument, node: number): Node {
  if (node === 0) return h("em", {}, "the problem");
  return bdi(oneLine(tree.text[node]!, 120) || (tree.text[node] ? "(blank)" : "(empty)"), "line");
}

export function showNode(
  tree: TreeDocument,
  shape: Shape,
  node: number,
  choose: Choose,
): HTMLElement {
  const status = statusOf(tree, node);
  const verdict = tree.verdicts[tree.verdict[node] ?? -1];
  const tokens = tree.tokens[node]!;
  const box = h("div", { class: "detail" });
  const title = node === 0 ? "The problem, node 0" : `Node ${node}`;
  box.append(h("h3", {}, title, " ", status ? chip(status) : ""));
  box.append(
    figures([
      ["visits N", count(tree.visits[node]!)],
      ["Q", share(tree.q[node]!), String(tree.q[node])],
      ["value", share(tree.value[node]!), String(tree.value[node])],
      ["prior", share(tree.prior[node]!), String(tree.prior[node])],
      ["log-prob.", decimal(tree.logprob[node]!), String(tree.logprob[node])],
      ["tokens", tokens ? count(tokens) : "not recorded"],
      ["depth", count(shape.depth[node]!)],
      ["children", count(shape.children(node).length)],
    ]),
  );
  if (node === 0) box.append(section("Problem", showText(tree.prompt, "the problem")));
  else box.append(section("Step", showText(tree.text[node]!, "the step")));
  if (verdict) {
    const [, answer, reason] = verdict;
    const read =
      answer === null
        ? h("p", { class: "quiet-text" }, "The verifier read no answer.")
        : showText(answer, "the answer");
    box.append(section("Answer that the verifier read", read));
    if (reason) box.append(section("Reason of the verdict", showText(reason, "the reason")));
  }
  const above = tree.parent[node]!;
  const siblings = above < 0 ? [] : shape.children(above);
  if (siblings.length > 1) {
    const item = (other: number): Node[] => {
      const ends = statusOf(tree, other);
      const numbers = `prior ${share(tree.prior[other]!)}, N ${count(tree.visits[other]!)}, Q ${share(tree.q[other]!)}`;
      return [
        ends ? chip(ends, true) : h("span", { class: "chip blank" }),
        line(tree, other),
        h("span", { class: "numbers" }, numbers),
      ];
    };
    box.append(
      section(
        `Tried here: ${count(siblings.length)} steps`,
        nodeList(siblings, item, choose, node),
      ),
    );
  }
  const path = pathTo(tree.parent, node);
  const step = (other: number): Node[] => [
    h("span", { class: "numbers" }, String(other)),
    line(tree, other),
  ];
  if (path.length > 1)
    box.append(section("Path from the problem", nodeList(path, step, choose, node)));
  return box;
}
