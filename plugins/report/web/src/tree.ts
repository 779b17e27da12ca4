// The shape of a tree, from the parents of its nodes. Nothing here recurses: trees may be deep.

export interface Shape {
  /** The children of each node, in the order of their numbers. */
  children: number[][];
  depth: number[];
  /** All nodes, parents before children, each subtree together. */
  order: number[];
  /** The number of nodes of each subtree, its root included. */
  size: number[];
}

/** The children of every leaf: most nodes of a wide tree are leaves. */
const NONE: number[] = Object.freeze([]) as never;

export function shapeOf(parent: readonly number[]): Shape {
  const children = new Array<number[]>(parent.length).fill(NONE);
  const depth = new Array<number>(parent.length).fill(0);
  const size = new Array<number>(parent.length).fill(1);
  for (let node = 1; node < parent.length; node++) {
    const above = parent[node]!;
    if (children[above] === NONE) children[above] = [node];
    else children[above]!.push(node);
    depth[node] = depth[above]! + 1;
  }
  for (let node = parent.length - 1; node > 0; node--) size[parent[node]!]! += size[node]!;
  const order: number[] = [];
  const stack = parent.length ? [0] : [];
  while (stack.length) {
    const node = stack.pop()!;
    order.push(node);
    const below = children[node]!;
    for (let i = below.length - 1; i >= 0; i--) stack.push(below[i]!);
  }
  return { children, depth, order, size };
}

/** The nodes from the root to a node, both included. */
export function pathTo(parent: readonly number[], node: number): number[] {
  const path: number[] = [];
  for (let at = node; at >= 0; at = parent[at] ?? -1) path.push(at);
  return path.reverse();
}

/** The nodes that are seen where only the children of open nodes are. */
export function visibleNodes(shape: Shape, open: { has(node: number): boolean }): number[] {
  const seen: number[] = [];
  for (let i = 0; i < shape.order.length;) {
    const node = shape.order[i]!;
    seen.push(node);
    i += open.has(node) || !shape.children[node]!.length ? 1 : shape.size[node]!;
  }
  return seen;
}

/** The nodes that are open at first: all of a small tree, the first `limit` in breadth of others. */
export function firstOpen(shape: Shape, limit = 300): Set<number> {
  const open = new Set<number>();
  const queue = shape.order.length ? [0] : [];
  let seen = 1;
  for (let i = 0; i < queue.length; i++) {
    const node = queue[i]!;
    const below = shape.children[node]!;
    if (!below.length) continue;
    if (i > 0 && seen + below.length > limit) continue;
    open.add(node);
    seen += below.length;
    for (const child of below) queue.push(child);
  }
  return open;
}
