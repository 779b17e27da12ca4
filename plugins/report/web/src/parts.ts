// A model's response as a tree: its steps go forward, its backtracks return to an earlier step.

import type { PartEntry } from "./documents";
import type { Walk } from "./picture";

export interface ResponseGraph {
  /** The parent of each node; node 0 is the problem. */
  parent: number[];
  /** The node of each part: of a step its own, of a backtrack the one that it returns to. */
  node: number[];
  walk: Walk;
}

export function graphOf(parts: readonly PartEntry[]): ResponseGraph {
  const parent = [-1];
  const node: number[] = [];
  let at = 0;
  for (const [kind, , target] of parts) {
    if (kind === "backtrack") {
      if (target !== null) at = target < 0 ? 0 : (node[target] ?? 0);
    } else if (kind !== "reflection") {
      parent.push(at);
      at = parent.length - 1;
    }
    node.push(at);
  }
  return {
    parent,
    node,
    walk: {
      nodes: [0, ...node],
      kinds: ["step", ...parts.map(([kind]) => kind)],
      upTo: parts.length,
    },
  };
}

/** What is said of a part beside its kind. */
export function aboutPart([kind, , target]: PartEntry): string {
  if (kind !== "backtrack") return "";
  if (target === null) return "to a step that was not found";
  return target < 0 ? "to the beginning" : `to part ${target + 1}`;
}
