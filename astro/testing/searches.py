"""The conformance kit for search algorithms.

# tests/test_conformance.py
class TestMySearch(SearchConformance):
    name = "my_search"
    params = {"iterations": 8}
"""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from astro.engine.budget import Budget
from astro.engine.journal import Journal
from astro.engine.loop import Engine
from astro.engine.tasks import Outcome, Task
from astro.interfaces import Backend, SearchAlgorithm
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.registry import Registry
from astro.requests import (
    POLICY,
    VERIFIER,
    BudgetExhausted,
    Generate,
    LogProb,
    Program,
    Request,
    Verify,
)
from astro.testing.plugins import PluginConformance
from astro.testing.pools import shared_pool
from astro.testing.trees import faults
from astro.types import Problem, SearchTree

_PROBLEMS = [Problem(f"p{i}", f"question {i}", str(1 + i % 3)) for i in range(8)]
_SEED = 3
_CUTS = 8
"""Roughly the number of places at which the journal is cut."""

Batch = tuple[list[Request], list[Any]]
"""The requests that a program yields at once, and their replies."""


class SearchConformance(PluginConformance):
    """Subclass it, name the subclass `Test...`, and set `name` and `params`.

    The search runs in the core's own loop, with a scripted policy that answers requests out of
    order. Choose params that grow some dozen nodes in several batches.
    """

    kind = "search"
    value = Binding(name="rollout", params={"rollouts": 2, "max_tokens": 64})
    step_format = Binding(name="lines")
    policy = Binding(
        name="scripted",
        params={
            "lines": ["try\n", "think\n", "add\n", "carry\n"],
            "answers": ["answer is 1\n", "answer is 2\n", "answer is 3\n"],
            "length": 3,
            "steps_to_finish": 5,
        },
    )
    verifier = VerifierBinding(name="exact")

    def test_trees_are_consistent(self) -> None:
        for tree in self._trees():
            _check(tree)
            assert len(tree.nodes) > 1, "these params grow no tree"

    def test_global_random_numbers_do_not_matter(self) -> None:
        random.seed(1)
        trees = self._trees()
        random.seed(2)
        before = random.getstate()
        assert self._trees() == trees, "other global random numbers gave other trees"
        assert random.getstate() == before, "the search drew global random numbers"

    def test_scheduling_does_not_matter(self) -> None:
        alone = self._trees(concurrency=1)
        for concurrency in (7, 64):
            trees = self._trees(concurrency=concurrency)
            assert trees == alone, f"{concurrency} problems at once gave other trees than one"

    def test_equal_replies_give_equal_requests(self) -> None:
        batches = self._recorded()
        for number, _ in enumerate(batches):
            requests = self._replayed(batches[:number])[1]
            assert requests == batches[number][0], (
                f"after the same {number} batches of replies, the search requests something else"
            )

    def test_a_spent_budget_ends_it_with_the_tree_so_far(self) -> None:
        batches = self._recorded()
        for number, _ in enumerate(batches):
            program, _ = self._replayed(batches[:number])
            _check(_stopped(program))

    def test_a_budget_holds_in_the_loop(self) -> None:
        for requests in (1, 2, 5, 13, 34):
            for tree in self._trees(budget=Budget(requests=requests)):
                _check(tree)

    def test_it_resumes_from_a_journal_that_is_cut_anywhere(self, tmp_path: Path) -> None:
        whole = tmp_path / "whole.db"
        trees = self._trees(journal=whole)
        batches = _batches(whole)
        for cut in range(0, batches + 1, max(1, batches // _CUTS)):
            path = tmp_path / f"{cut}.db"
            _copy_cut(whole, path, cut)
            assert self._trees(journal=path) == trees, f"cut after {cut} of {batches} batches"

    @cached_property
    def _registry(self) -> Registry:
        return Registry.discover()

    def _algorithm(self) -> SearchAlgorithm:
        algorithm: SearchAlgorithm = self._registry.build(
            self.kind,
            self._binding(),
            value=self._registry.build("value", self.value),
            step_format=self._registry.build("step_format", self.step_format),
        )
        return algorithm

    def _trees(
        self,
        concurrency: int = 8,
        budget: Budget | None = None,
        journal: Path = Path(":memory:"),
    ) -> list[SearchTree]:
        """The trees of the problems, grown by the core's loop, in the order of the problems."""
        algorithm = self._algorithm()
        tasks = [Task(p.id, partial(algorithm.search, p, _SEED)) for p in _PROBLEMS]
        policy: Backend = self._registry.build_model(self.policy)
        with (
            closing(Journal(journal)) as record,
            closing(policy),
            shared_pool(self.verifier) as pool,
        ):
            engine = Engine(
                {POLICY: policy, VERIFIER: pool},
                seed=_SEED,
                concurrency=concurrency,
                journal=record,
                budget=budget,
            )
            trees = {outcome.key: _tree(outcome) for outcome in engine.run(tasks)}
        return [trees[problem.id] for problem in _PROBLEMS]

    def _recorded(self) -> list[Batch]:
        """The requests and replies of the search of the first problem, batch by batch."""
        world = _World(self._registry, self.policy, self.verifier)
        program = self._algorithm().search(_PROBLEMS[0], _SEED)
        batches: list[Batch] = []
        try:
            requests = next(program)
            while True:
                batches.append((requests, world.replies(requests)))
                requests = program.send(batches[-1][1])
        except StopIteration:
            return batches

    def _replayed(self, batches: list[Batch]) -> tuple[Program[SearchTree], list[Request]]:
        """A search after the replies of `batches`, and the requests that it yields next."""
        program = self._algorithm().search(_PROBLEMS[0], _SEED)
        requests = next(program)
        for _, replies in batches:
            requests = program.send(replies)
        return program, requests


class _World:
    """Answers requests one by one, without the core's loop."""

    def __init__(self, registry: Registry, policy: Binding, verifier: Binding) -> None:
        self._policy: Backend = registry.build("policy", policy)
        self._verifier = registry.build("verifier", verifier)

    def replies(self, requests: list[Request]) -> list[Any]:
        return [self._reply(number, request) for number, request in enumerate(requests)]

    def _reply(self, number: int, request: Request) -> Any:
        if isinstance(request, Verify):
            return self._verifier.verify(request.problem, request.response)
        assert isinstance(request, Generate | LogProb), "a run has no reward model"
        self._policy.add(number, request)
        while not (answered := self._policy.step()):
            pass
        return answered[0][1]


def _check(tree: SearchTree) -> None:
    found = faults(tree)
    assert not found, f"the tree of {tree.problem.id} breaks rules of a tree: {'; '.join(found)}"


def _tree(outcome: Outcome) -> SearchTree:
    assert not outcome.failure, f"{outcome.key} failed: {outcome.failure}"
    kind = type(outcome.result).__name__
    assert isinstance(outcome.result, SearchTree), f"a search returns a SearchTree, not {kind}"
    return outcome.result


def _stopped(program: Program[SearchTree]) -> SearchTree:
    try:
        program.throw(BudgetExhausted())
    except StopIteration as stop:
        kind = type(stop.value).__name__
        assert isinstance(stop.value, SearchTree), (
            f"on BudgetExhausted a search returns its SearchTree, not {kind}"
        )
        return stop.value
    raise AssertionError("it yielded requests after BudgetExhausted")


def _batches(journal: Path) -> int:
    """The number of batches in the longest program of a journal."""
    with closing(sqlite3.connect(journal)) as db:
        return int(db.execute("select 1 + max(number) from replies").fetchone()[0])


def _copy_cut(journal: Path, copy: Path, batches: int) -> None:
    """Copy a journal, with the first `batches` of each program."""
    with closing(sqlite3.connect(journal)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("delete from replies where number >= ?", (batches,))
        target.commit()
