"""Benchmarks of the loop and of the engines below it: ratios within one run, one table per part.

python bench/engines.py [vllm] [bookkeeping] [together] [prefixes] [ray]     (all by default)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import search as at_once
import stub
from marks import Mark, publish, run_parts

import astro
from astro.engine.budget import Budget
from astro.engine.executor import ExecutorJob
from astro.engine.journal import Journal
from astro.engine.loop import Engine
from astro.engine.tasks import Task
from astro.interfaces import SearchAlgorithm, ValueEstimator
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.registry import Registry
from astro.requests import Failure, Generate, LogProb, Program, Reply
from astro.types import Completion, Problem, SearchTree, State
from astro.verification.pool import VerifierPool

HERE = Path(__file__).parent
ROOT = HERE.parent
ROUNDS = 3
TREES = 8
LLM_REASONERS = "llm-reasoners==1.0.2"


def vllm() -> None:
    """Compare search on vLLM with `LLM.generate`, in the environment that has vLLM."""
    python = ROOT / ".venv-vllm/bin/python"
    if python.exists():
        subprocess.run([python, HERE / "engines_vllm.py"], check=True)
    else:
        print("vllm: not measured, for .venv-vllm is not there; `make test-vllm` makes it")


def bookkeeping() -> None:
    """Compare ASTRO's MCTS, with its journal, and llm-reasoners' MCTS on a stub model."""
    ours, theirs, grown = [], [], []
    path = installed(LLM_REASONERS)
    for _ in range(ROUNDS):
        ours.append(iterations_per_second(1_000))
        theirs.append(llm_reasoners(path, 1_000))
        grown.append(iterations_per_second(10_000))
        print("iterations/s", *(f"{rates[-1]:.0f}" for rates in (ours, theirs, grown)))
    publish(
        "engines-bookkeeping",
        [
            Mark.of("MCTS iterations/s to llm-reasoners'", ratio(ours, theirs), ">= 5"),
            Mark.of("iterations/s at 10,000 a tree to 1,000", ratio(grown, ours), ">= 0.9"),
        ],
    )


def together() -> None:
    """Nodes per second with 64 problems at once, divided by those with one at a time."""
    middle = median(at_once.ratios())
    publish("engines-together", [Mark.of("nodes/s, 64 at once to one at a time", middle, ">= 8")])


def prefixes() -> None:
    """The share of prompt tokens that had to be computed with the tiny model."""
    config = astro.load_config(ROOT / "configs/quickstart.yaml", ["policy.params.processes=1"])
    registry = Registry.discover()
    problems = registry.build("problems", config.problems).load("train")[:32]
    policy = registry.build("policy", config.policy)
    with VerifierPool(config.verifier) as pool:
        at_once.nodes_per_second(config, policy, pool, at_once.TOGETHER, problems)
    counters = policy.counters()
    share = 1 - counters["cached_prompt_tokens"] / counters["prompt_tokens"]
    publish("engines-prefixes", [Mark.of("prompt tokens, computed to requested", share, "<= 0.35")])


def ray() -> None:
    """Trees per second of two workers, divided by those of one; the policy occupies a core."""
    from astro_ray.cluster import connected

    alone, both = [], []
    with plugin("burning") as path, connected("local"):
        for _ in range(ROUNDS):
            alone.append(trees_per_second(path, workers=1))
            both.append(trees_per_second(path, workers=2))
            print("trees/s", f"{alone[-1]:.2f} {both[-1]:.2f}")
    publish("engines-ray", [Mark.of("trees/s, 2 workers to 1", ratio(both, alone), ">= 1.7")])


def ratio(above: Sequence[float], below: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return median(a / b for a, b in zip(above, below, strict=True))


class StubPolicy:
    """Samples all of the stub's actions, each with probability 1/8, at once."""

    def __init__(self) -> None:
        self._reply: Reply = [
            Completion(text, (i,), (-2.08,)) for i, text in enumerate(stub.ACTIONS)
        ]
        self._tickets: list[int] = []

    def add(self, ticket: int, request: Generate | LogProb) -> None:  # noqa: ARG002
        self._tickets.append(ticket)

    def step(self, block: bool = False) -> list[tuple[int, Reply | Failure]]:  # noqa: ARG002
        tickets, self._tickets = self._tickets, []
        return [(ticket, self._reply) for ticket in tickets]

    def close(self) -> None:
        pass


class StubValue:
    """The stub's values."""

    def estimate(self, states: Sequence[State], seed: int) -> Program[list[float]]:  # noqa: ARG002
        yield from ()
        return [stub.value(state.response) for state in states]


def iterations_per_second(iterations: int) -> float:
    """Iterations per second of TREES searches that run at once."""
    params = {"expand": len(stub.ACTIONS), "iterations": iterations, "max_depth": stub.DEPTH}
    mcts = build_search(Binding(name="mcts", params=params), StubValue())
    with VerifierPool(VerifierBinding(name="exact")) as pool, journal() as opened:
        engine = Engine({"policy": StubPolicy(), "verifier": pool}, seed=0, journal=opened)
        began = time.perf_counter()
        for outcome in engine.run(tasks(mcts, TREES)):
            assert len(outcome.result.nodes) == 1 + iterations * len(stub.ACTIONS)
        return iterations * TREES / (time.perf_counter() - began)


def llm_reasoners(path: Path, iterations: int) -> float:
    done = subprocess.run(
        [sys.executable, HERE / "engines_llm_reasoners.py", str(iterations)],
        env={**os.environ, "PYTHONPATH": str(path)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(done.stdout)


def trees_per_second(path: Path, workers: int) -> float:
    """Trees per second from the first to the last tree, without the start of the workers."""
    registry = Registry.discover()
    params = {"workers": workers, "concurrency": 4, "env": {"PYTHONPATH": str(path)}}
    executor = registry.build("executor", Binding(name="ray", params=params))
    value = registry.build("value", Binding(name="rollout", params={"rollouts": 2}))
    mcts = build_search(Binding(name="mcts", params={"expand": 4, "iterations": 8}), value)
    ends = []
    with journal() as opened:
        job = ExecutorJob(
            models={"policy": Binding(name="burning")},
            verifier=VerifierBinding(name="exact"),
            journal=opened,
            budget=Budget(),
            seed=0,
        )
        for _ in executor.run(tasks(mcts, 60), job):
            ends.append(time.perf_counter())
    return (len(ends) - 1) / (ends[-1] - ends[0])


def build_search(binding: Binding, value: ValueEstimator) -> SearchAlgorithm:
    registry = Registry.discover()
    step_format = registry.build("step_format", Binding(name="lines"))
    algorithm: SearchAlgorithm = registry.build(
        "search", binding, value=value, step_format=step_format
    )
    return algorithm


def tasks(search: SearchAlgorithm, count: int) -> list[Task[SearchTree]]:
    problems = [Problem(str(i), f"question {i}", "1") for i in range(count)]
    return [Task(p.id, partial(search.search, p, seed)) for seed, p in enumerate(problems)]


@contextmanager
def journal() -> Iterator[Journal]:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Journal(Path(folder) / "journal.db")) as opened,
    ):
        yield opened


def installed(requirement: str) -> Path:
    """A folder with only that distribution; its dependencies are in this environment."""
    path = ROOT / ".venv-bench"
    name, version = requirement.replace("-", "_").split("==")
    if not (path / f"{name}-{version}.dist-info").exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--target", path, requirement], check=True)
    return path


@contextmanager
def plugin(name: str) -> Iterator[Path]:
    """A folder with a module of this folder as a distribution that pip has installed."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        shutil.copy(HERE / f"{name}.py", path)
        info = path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[astro]\n{name} = {name}\n")
        yield path


PARTS: tuple[Callable[[], None], ...] = (vllm, bookkeeping, together, prefixes, ray)

if __name__ == "__main__":
    run_parts(PARTS)
