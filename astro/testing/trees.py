"""The invariants of search trees, whatever search has grown them."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from astro.types import Node, SearchTree

_ROUNDING = 1e-6


def faults(tree: SearchTree) -> list[str]:
    """The violated invariants of a tree, one sentence each."""
    if not tree.nodes:
        return ["a tree has a root"]
    return [*_root_faults(tree), *(fault for node in tree.nodes for fault in _faults(tree, node))]


def _root_faults(tree: SearchTree) -> Iterator[str]:
    root = tree.nodes[0]
    if (root.parent, root.depth, root.step.text) != (None, 0, ""):
        yield f"the root has parent {root.parent}, depth {root.depth}, step {root.step.text!r}"
    for number, node in enumerate(tree.nodes):
        if node.id != number:
            yield f"node {number} has id {node.id}"
        if number and not (node.parent is not None and 0 <= node.parent < number):
            yield f"node {number} has parent {node.parent}, which does not precede it"


def _faults(tree: SearchTree, node: Node) -> Iterator[str]:
    for name in ("prior", "q_value", "value"):
        number = getattr(node, name)
        if not (isfinite(number) and -_ROUNDING <= number <= 1 + _ROUNDING):
            yield f"node {node.id}: {name} {number} is not in [0, 1]"
    if not node.step.logprob <= _ROUNDING:
        yield f"node {node.id}: the logprob {node.step.logprob} of its step is above 0"
    if node.verdict is not None and not node.terminal:
        yield f"node {node.id} has a verdict and is not terminal"
    if node.terminal and node.children:
        yield f"node {node.id} is terminal and has children"
    yield from _family_faults(node, [tree.nodes[i] for i in node.children])


def _family_faults(node: Node, children: list[Node]) -> Iterator[str]:
    priors = sum(child.prior for child in children)
    if priors > 1 + _ROUNDING:
        yield f"node {node.id}: the priors of its children sum to {priors}, above 1"
    visits = sum(child.visit_count for child in children)
    if not 0 <= visits <= node.visit_count:
        yield f"node {node.id}: {node.visit_count} visits, its children {visits}, which is more"
    for child in children:
        if (child.parent, child.depth) != (node.id, node.depth + 1):
            yield f"node {child.id} under {node.id}: parent {child.parent}, depth {child.depth}"
    if len({child.id for child in children}) < len(children):
        yield f"node {node.id} has a child twice"
