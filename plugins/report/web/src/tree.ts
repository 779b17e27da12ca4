// The shape of a tree, from the parents of its nodes. Nothing here recurses: trees may be deep.

export class Shape {
  readonly depth: Int32Array;
  /** The number of nodes of each subtree, its root included. */
  readonly size: Int32Array;
  /** All nodes, parents before children, each subtree together. */
  readonly order: Int32Array;
  /** Where each node is in the order. */
  private readonly place: Int32Array;
  private readonly known = new Map<number, number[]>();

  /** A parent's number is less than those of its children. */
  constructor(parent: readonly number[]) {
    const many = parent.length;
    const [depth, size] = [new Int32Array(many), new Int32Array(many).fill(1)];
    const [order, place] = [new Int32Array(many), new Int32Array(many)];
    for (let node = many - 1; node > 0; node--) size[parent[node]!]! += size[node]!;
    const next = new Int32Array(many).fill(1);
    for (let node = 1; node < many; node++) {
      const above = parent[node]!;
      depth[node] = depth[above]! + 1;
      place[node] = place[above]! + next[above]!;
      next[above]! += size[node]!;
      order[place[node]!] = node;
    }
    this.depth = depth;
    this.size = size;
    this.order = order;
    this.place = place;
  }

  isLeaf(node: number): boolean {
    return this.size[node] === 1;
  }

  /** The children of a node, in the order of their numbers. */
  children(node: number): readonly number[] {
    const known = this.known.get(node);
    if (known) return known;
    const children: number[] = [];
    const end = this.place[node]! + this.size[node]!;
    for (let at = this.place[node]! + 1; at < end; at += this.size[this.order[at]!]!)
      children.push(this.order[at]!);
    this.known.set(node, children);
    return children;
  }
}

/** The nodes from the root to a node, both included. */
export function pathTo(parent: readonly number[], node: number): number[] {
  const path: number[] = [];
  for (let at = node; at >= 0; at = parent[at] ?? -1) path.push(at);
  return path.reverse();
}

/** The nodes that are seen where only the children of open nodes are. */
export function visibleNodes(
  { order, size }: Shape,
  open: { has(node: number): boolean },
): number[] {
  const seen: number[] = [];
  for (let i = 0; i < order.length;) {
    const node = order[i]!;
    seen.push(node);
    i += open.has(node) ? 1 : size[node]!;
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
    const below = shape.isLeaf(node) ? 0 : shape.children(node).length;
    if (!below || (i > 0 && seen + below > limit)) continue;
    open.add(node);
    seen += below;
    for (const child of shape.children(node)) queue.push(child);
  }
  return open;
}
