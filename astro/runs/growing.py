"""Reports how the trees of a search grow, while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from astro.engine.journal import Journal
from astro.engine.replay import so_far
from astro.engine.tasks import Task
from astro.events import Listener, TreeGrown
from astro.types import SearchTree

_PAUSE = 0.2
"""The least number of seconds between two events."""
_STEPS = 6
_INDENT = 12
_CHARS = 400
_SHARE = 0.01
"""The most that events may take of the time of a search."""


class TreeEvents:
    """Emits `TreeGrown` for one problem at a time, until its search has ended.

    A listener that asks for the tree has the recorded replies played again, which takes longer
    the more there are. The next event waits until that is no more than a hundredth of the time.
    """

    def __init__(
        self,
        stage: str,
        tasks: Sequence[Task[SearchTree]],
        seed: int,
        journal: Journal,
        on_event: Listener,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stage = stage
        self._tasks = {task.key: task for task in tasks}
        self._seed = seed
        self._journal = journal
        self._on_event = on_event
        self._clock = clock
        self._next = 0.0
        self._followed = ""

    def __call__(self, keys: Sequence[str]) -> None:
        """Take note that replies to the tasks of these keys were recorded."""
        now = self._clock()
        if now < self._next:
            return
        known = [key for key in keys if key in self._tasks]
        if self._followed not in known:
            if not known or (self._followed and not self._journal.outcome(self._followed)):
                return
            self._followed = known[0]
        key = self._followed
        problem_id = key.removeprefix(f"{self._stage}/")
        self._on_event(TreeGrown(self._stage, problem_id, lambda: self._tree(key)))
        took = self._clock() - now
        self._next = now + max(_PAUSE, took / _SHARE)

    def _tree(self, key: str) -> SearchTree:
        return so_far(self._tasks[key], self._seed, self._journal.recorded(key))


def newest_path(problem_id: str, tree: SearchTree) -> list[str]:
    """The size of a tree in a line, and a line for each of the last steps to its newest node."""
    ends = tree.terminals()
    verdicts = [node.verdict for node in ends if node.verdict]
    right = f", {sum(v.correct for v in verdicts)} right" if verdicts else ""
    depth = max(node.depth for node in tree.nodes)
    counts = f"{len(tree.nodes)} nodes, depth {depth}, {len(ends)} ends{right}"
    rows = [f"{problem_id}: {counts}"]
    for node in tree.path(len(tree.nodes) - 1)[-_STEPS:]:
        siblings = len(tree.nodes[node.parent or 0].children)
        figures = f"N {node.visit_count} Q {node.q_value:.2f} of {siblings}"
        verdict = f"{node.verdict.status.value}: " if node.verdict else ""
        indent = " " * min(node.depth, _INDENT)
        rows.append(f"{indent}{figures} {verdict}{node.step.text[:_CHARS].strip()}")
    return rows


@contextmanager
def growing(
    stage: str,
    tasks: Sequence[Task[SearchTree]],
    seed: int,
    journal: Journal,
    on_event: Listener,
) -> Iterator[None]:
    """Emit `TreeGrown` while the searches of these tasks are driven."""
    journal.on_commit = TreeEvents(stage, tasks, seed, journal, on_event)
    try:
        yield
    finally:
        journal.on_commit = None
