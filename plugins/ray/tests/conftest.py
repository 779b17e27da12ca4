"""A Ray of two cores, and runs on it beside runs without it."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray

from astro.builtin.local import LocalExecutor, LocalParams
from astro.engine.budget import Budget
from astro.engine.executor import ExecutorJob
from astro.engine.journal import Journal
from astro.engine.tasks import Outcome, Task
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.registry import Registry
from astro.types import Problem
from astro_ray.executor import RayExecutor
from astro_ray.params import ExecutorParams

WHEREABOUTS = '''
import os
import time
from astro.plugins.hookspecs import Provider, hookimpl
from astro.types import Completion

@hookimpl
def astro_providers():
    return [Provider("policy", "whereabouts", "says where it runs", "whereabouts:Whereabouts")]

class Whereabouts:
    """The first to be made takes a tenth of a second for an answer, the others none."""
    def __init__(self, params):
        try:
            os.mkdir(os.environ["WHEREABOUTS"])
            self.seconds = 0.1
        except FileExistsError:
            self.seconds = 0.0
        self.queue = []
    def add(self, ticket, request):
        self.queue.append(ticket)
    def step(self, block=False):
        time.sleep(self.seconds)
        return [(self.queue.pop(0), [Completion(str(os.getpid()))])] if self.queue else []
    def close(self):
        pass
'''


@pytest.fixture(scope="module")
def here() -> Iterator[None]:
    """Ray in this process, which the executor then uses."""
    ray.init(
        "local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100 * 2**20,
        logging_level=logging.ERROR,
        log_to_driver=False,
    )
    yield
    ray.shutdown()


@pytest.fixture
def tasks() -> list[Task[Any]]:
    """Searches of 80 problems, about 4,000 requests to the policy."""
    registry = Registry.discover()
    search = registry.build(
        "search",
        Binding(name="mcts", params={"expand": 3, "iterations": 12}),
        value=registry.build("value", Binding(name="rollout", params={"rollouts": 2})),
        step_format=registry.build("step_format", Binding(name="lines")),
    )
    problems = [Problem(f"p{i}", f"question {i}", "1" if i % 2 else "7") for i in range(80)]
    return [Task(p.id, partial(search.search, p, seed)) for seed, p in enumerate(problems)]


@pytest.fixture
def policy() -> Binding:
    params = {"lines": ["so\n", "thus\n"], "answers": ["answer is 1\n", "answer is 2\n"]}
    return Binding(name="scripted", params={**params, "length": 3, "steps_to_finish": 3})


class Runs:
    """Runs tasks with one executor or the other, each with a journal of its own."""

    def __init__(self, folder: Path, tasks: list[Task[Any]], policy: Binding) -> None:
        self._folder = folder
        self.counters: Mapping[str, float] = {}
        self.tasks = tasks
        self.policy = policy

    def start(self, name: str, **params: Any) -> Iterator[Outcome]:
        """The outcomes of run `name` as they come: on Ray with `params`, or `local`."""
        local = LocalExecutor(LocalParams())
        executor = local if name == "local" else RayExecutor(ExecutorParams(**params))
        with closing(Journal(self._folder / f"{name}.db")) as journal:
            job = ExecutorJob(
                models={"policy": self.policy},
                verifier=VerifierBinding(name="exact"),
                journal=journal,
                budget=Budget(),
                seed=3,
            )
            yield from executor.run(self.tasks, job)
            self.counters = executor.usage().get("policy", {})

    def whole(self, name: str, **params: Any) -> dict[str, Outcome]:
        return {outcome.key: outcome for outcome in self.start(name, **params)}

    def journal(self, name: str) -> list[tuple[Any, ...]]:
        """Every reply in a run's journal, which has a place for each once."""
        with closing(sqlite3.connect(self._folder / f"{name}.db")) as db:
            return db.execute("select * from replies order by task, number").fetchall()


@pytest.fixture
def runs(tmp_path: Path, tasks: list[Task[Any]], policy: Binding) -> Runs:
    return Runs(tmp_path, tasks, policy)


@pytest.fixture
def workers() -> Callable[[psutil.Process, int], list[psutil.Process]]:
    """Waits for a number of workers among all that a process has started.

    A run is at rest meanwhile: its programs go on when it is asked for an outcome.
    """

    def wait(process: psutil.Process, count: int) -> list[psutil.Process]:
        deadline = time.monotonic() + 120
        while len(found := list(_workers(process))) < count:
            assert time.monotonic() < deadline, f"{found} of {count} workers"
            time.sleep(0.1)
        return found

    return wait


def _workers(process: psutil.Process) -> Iterator[psutil.Process]:
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "ray::Worker" in " ".join(child.cmdline()):
                yield child


@pytest.fixture
def whereabouts(tmp_path: Path) -> dict[str, str]:
    """Environment variables with which a worker, and nobody else, has policy `whereabouts`."""
    (tmp_path / "whereabouts.py").write_text(WHEREABOUTS)
    info = tmp_path / "whereabouts-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: whereabouts\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[astro]\nwhereabouts = whereabouts\n")
    return {"PYTHONPATH": str(tmp_path), "WHEREABOUTS": str(tmp_path / "taken")}
