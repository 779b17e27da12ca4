from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import pytest

from astro.requests import Program, Verify
from astro.types import Node, Problem, SearchTree, State, Status, Step, Trace, Verdict
from astro_linearize.backtrack import Backtrack
from astro_linearize.params import BacktrackParams

PROBLEM = Problem("p", "which?", "1")


class Brackets:
    """Says in brackets what it is told: `[no =2]`, `[back to a]`."""

    stop = ("\n",)

    def is_terminal(self, state: State) -> bool:
        return state.steps[-1].text.startswith("=")

    def reflection(self, state: State, rng: Random) -> str:
        return f"[{rng.choice(['no', 'hm'])} {state.steps[-1].text.strip()}]"

    def backtrack(self, state: State, rng: Random) -> str:
        return f"[{rng.choice(['back', 'return'])} to {state.response.strip() or 'start'}]"

    def backtracks(self, response: str) -> int:
        return response.count(" to ")


class Plain(Brackets):
    """One phrase of each kind."""

    def reflection(self, state: State, rng: Random) -> str:  # noqa: ARG002
        return f"[no {state.steps[-1].text.strip()}]"

    def backtrack(self, state: State, rng: Random) -> str:  # noqa: ARG002
        return f"[to {state.response.strip() or 'start'}]"


class Silent(Plain):
    """Does not reflect."""

    def reflection(self, state: State, rng: Random) -> str:  # noqa: ARG002
        return ""


class Joined(Silent):
    """Puts a semicolon before a return."""

    def joint(self, state: State) -> str:  # noqa: ARG002
        return ";"


class Doubting(Silent):
    """Its wrong answers are doubts that the policy has itself."""

    def doubts(self, step: str) -> bool:
        return step.startswith("=") and step != "=1\n"


def judge(problem: Problem, response: str) -> Verdict:
    """By the last answer in the response."""
    answer = response.rstrip().rpartition("=")[2]
    return Verdict(Status.CORRECT if answer == problem.answer else Status.INCORRECT, answer)


def build(rows: Sequence[tuple[int, str, float, int]]) -> SearchTree:
    """A tree from rows of (parent, text, Q, N), numbered from 1; `=` starts a terminal's text."""
    nodes = [Node(0, None, Step(""), 0)]
    for number, (parent, text, q_value, visits) in enumerate(rows, start=1):
        verdict = judge(PROBLEM, text) if text.startswith("=") else None
        depth = nodes[parent].depth + 1
        node = Node(number, parent, Step(f"{text}\n"), depth, verdict is not None, verdict=verdict)
        node.q_value, node.visit_count = q_value, visits
        nodes.append(node)
        nodes[parent].children.append(number)
    return SearchTree(PROBLEM, nodes)


def random_tree(seed: int) -> SearchTree:
    """Up to 30 nodes, one of them, below the root, correct."""
    rng = Random(seed)
    rows: list[tuple[int, str, float, int]] = [(0, "=1", 1.0, 1)]
    inner = [0]
    for number in range(2, rng.randint(3, 31)):
        parent = rng.choice(inner)
        text = rng.choice(["s", "s", "=1", "=2", "=3", "=4", "=5"])
        if text == "s":
            inner.append(number)
            text = f"s{number}"
        rows.append((parent, text, rng.random(), rng.randint(1, 9)))
    return build(rows)


def drive(program: Program[list[Trace]], judge: Callable[..., Verdict] = judge) -> list[Trace]:
    try:
        batch = next(program)
        while True:
            assert batch
            assert all(isinstance(request, Verify) for request in batch)
            batch = program.send([judge(r.problem, r.response) for r in batch])  # type: ignore[union-attr]
    except StopIteration as stop:
        return stop.value


@pytest.fixture
def tree() -> SearchTree:
    """
    root +- 1 a -- 3 =2          Q of the branches off 5's path: .0 (3), .3 (2), .0 (6), 1 (9)
         |      +- 4 b -- 5 =1
         |             +- 6 =3
         +- 2 c -- 7 =4
         |      +- 8 =2
         +- 9 =1
    """
    return build(
        [
            (0, "a", 0.6, 7),
            (0, "c", 0.3, 5),
            (1, "=2", 0.0, 1),
            (1, "b", 0.8, 4),
            (4, "=1", 1.0, 2),
            (4, "=3", 0.0, 1),
            (2, "=4", 0.0, 2),
            (2, "=2", 0.0, 1),
            (0, "=1", 1.0, 9),
        ]
    )


@pytest.fixture
def linearize() -> Callable[..., list[Trace]]:
    """Traces of a tree under params; `judge` and `step_format` may be replaced."""

    def run(
        tree: SearchTree,
        seed: int = 0,
        step_format: Any = None,
        judge: Callable[..., Verdict] = judge,
        **params: Any,
    ) -> list[Trace]:
        made = Backtrack(BacktrackParams(**params), step_format=step_format or Plain())
        return drive(made.linearize(tree.problem, tree, seed), judge)

    return run


@pytest.fixture
def make_tree() -> Callable[..., SearchTree]:
    return build


@pytest.fixture
def make_random_tree() -> Callable[[int], SearchTree]:
    return random_tree


@pytest.fixture
def run_program() -> Callable[..., list[Trace]]:
    return drive


@pytest.fixture(name="judge")
def judge_fixture() -> Callable[..., Verdict]:
    return judge


@pytest.fixture
def plain() -> Plain:
    return Plain()


@pytest.fixture
def brackets() -> Brackets:
    return Brackets()


@pytest.fixture
def silent() -> Silent:
    return Silent()


@pytest.fixture
def doubting() -> Doubting:
    return Doubting()


@pytest.fixture
def joined() -> Joined:
    return Joined()
