"""Choice of the paths of a trace; all randomness comes from the generator that is passed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from statistics import fmean
from types import MappingProxyType

from astro.engine.answers import answer_key
from astro.types import Node, SearchTree, Status
from astro_linearize.merge import Path, cut, shared_steps
from astro_linearize.params import BacktrackParams, CorrectChoice, Order, WrongChoice

NO_CLASSES: Mapping[str, str] = MappingProxyType({})
"""No answers are equivalent but those of equal text."""


def choose_paths(
    tree: SearchTree,
    solutions: Sequence[Node],
    params: BacktrackParams,
    rng: Random,
    same: Mapping[str, str],
) -> list[Path]:
    """Return up to k wrong paths, followed by the path to one of `solutions` (at least one).

    k is drawn from `params.weights()` and limited by the distinct wrong answers in the tree. With
    `cut_share`, some wrong paths are cut before their end.
    """
    correct = choose_correct(tree, solutions, params.correct, rng)
    k = draw_backtracks(params.weights(), rng)
    goal = path_ids(tree, correct)
    wrong = choose_wrong(tree, correct, k, params.wrong_branch, rng, same=same)
    paths = [path_ids(tree, terminal) for terminal in wrong]
    ordered = [*order_paths(paths, goal, params.order, rng), goal]
    return cut(ordered, params.cut_share, rng) if params.cut_share else ordered


def path_ids(tree: SearchTree, terminal: Node) -> Path:
    """Return the ids of the nodes from the first step to a terminal."""
    return tuple(node.id for node in tree.path(terminal.id))


def draw_backtracks(weights: Mapping[int, float], rng: Random) -> int:
    """Draw a number of backtracks k by weight."""
    return rng.choices(list(weights), weights=list(weights.values()))[0]


def choose_correct(
    tree: SearchTree, solutions: Sequence[Node], choice: CorrectChoice, rng: Random
) -> Node:
    """Return a correct terminal: a random one, the highest mean Q along the path, or the shortest.

    Ties are broken at random.
    """
    found = list(solutions)
    rng.shuffle(found)
    if choice == "highest_q":
        return max(found, key=lambda node: fmean(step.q_value for step in tree.path(node.id)))
    return min(found, key=lambda node: node.depth) if choice == "shortest" else found[0]


def choose_wrong(
    tree: SearchTree,
    correct: Node,
    k: int,
    choice: WrongChoice,
    rng: Random,
    *,
    same: Mapping[str, str] = NO_CLASSES,
) -> list[Node]:
    """Return up to `k` wrong terminals with different answers, the preferred ones first.

    Only definite verdicts count: a response that could not be read or checked is not a wrong
    answer. `same` maps answers to equivalent ones (see `equivalent_answers`); answers that it lacks
    are told apart by their text. A terminal is ranked by its branch, the first node of its path off
    the correct path, since the Q of a wrong terminal itself is 0. Ties are broken at random.
    """
    found = [node for node in tree.terminals() if _is_wrong(node)]
    rng.shuffle(found)
    if choice != "random":
        goal = path_ids(tree, correct)
        found.sort(key=lambda node: _rank(_branch(tree, node, goal), choice))
    unique: dict[str | None, Node] = {_class(correct, same): correct}
    for node in found:
        unique.setdefault(_class(node, same), node)
    return list(unique.values())[1 : k + 1]


def order_paths(paths: Sequence[Path], goal: Path, order: Order, rng: Random) -> list[Path]:
    """Return wrong paths in random order, or with those that share most steps with `goal` last.

    `depth_first` is the order of a depth-first walk that takes the branches of a node in random
    order, and the one of `goal` last. So each step is written once, and the walk of the paths in
    this order returns to no branch that it left.
    """
    shuffled = rng.sample(paths, len(paths))
    if order == "nearest_last":
        shuffled.sort(key=lambda path: shared_steps(path, goal))
    if order == "depth_first":
        place = {node: (node in goal, i) for i, path in enumerate(shuffled) for node in path}
        shuffled.sort(key=lambda path: [place[node] for node in path])
    return shuffled


def _class(node: Node, same: Mapping[str, str]) -> str | None:
    if node.verdict is None or node.verdict.answer is None:
        return None
    key = answer_key(node.verdict.answer)
    return same.get(key, key)


def _is_wrong(node: Node) -> bool:
    verdict = node.verdict
    return verdict is not None and verdict.status is Status.INCORRECT and verdict.answer is not None


def _branch(tree: SearchTree, terminal: Node, goal: Path) -> Node:
    path = path_ids(tree, terminal)
    return tree.nodes[path[shared_steps(path, goal)]]


def _rank(branch: Node, choice: WrongChoice) -> float:
    return branch.q_value if choice == "lowest_q" else -branch.visit_count
