"""Compares search with 64 problems at once and with one at a time, and measures its memory.

Both run in this process in alternation, with the tiny model and the same policy, verifiers and
journal. Each round uses different problems, so that neither finds the other's work in a cache.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import psutil
from marks import Mark, publish

import astro
from astro.config.run import RunConfig
from astro.engine.journal import Journal
from astro.engine.loop import Engine
from astro.engine.tasks import Task
from astro.interfaces import Backend
from astro.plugins.registry import Registry
from astro.types import Problem
from astro.verification.pool import VerifierPool

CONFIG = Path(__file__).parents[1] / "configs" / "quickstart.yaml"
ROUNDS = 3
ALONE, TOGETHER = 1, 64
PROBLEMS = {ALONE: 32, TOGETHER: 512}
"""More problems for 64 at once, so that the last trees, which run with fewer, matter little."""


def ratios() -> list[float]:
    """Nodes per second with 64 at once, divided by one at a time; one ratio per round."""
    config = astro.load_config(CONFIG)
    registry = Registry.discover()
    problems = iter(registry.build("problems", config.problems).load("train"))
    policy = registry.build("policy", config.policy)
    found = []
    with VerifierPool(config.verifier) as pool:
        for round_ in range(ROUNDS + 1):
            rates = [
                nodes_per_second(config, policy, pool, concurrency, take(problems, count))
                for concurrency, count in PROBLEMS.items()
            ]
            print(f"round {round_}: nodes/s", *(f"{rate:.0f}" for rate in rates))
            found.append(rates[1] / rates[0])
    policy.close()
    return found[1:]  # the first round warms up


def take(problems: Iterator[Problem], count: int) -> list[Problem]:
    return [problem for problem, _ in zip(problems, range(count), strict=False)]


def nodes_per_second(
    config: RunConfig,
    policy: Backend,
    pool: VerifierPool,
    concurrency: int,
    problems: Sequence[Problem],
) -> float:
    registry = Registry.discover()
    search = registry.build(
        "search",
        config.search,
        value=registry.build("value", config.value),
        step_format=registry.build("step_format", config.step_format),
    )
    tasks = [Task(p.id, partial(search.search, p, seed)) for seed, p in enumerate(problems)]
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Journal(Path(folder) / "journal.db")) as journal,
    ):
        engine = Engine(
            {"policy": policy, "verifier": pool}, seed=0, concurrency=concurrency, journal=journal
        )
        began = time.perf_counter()
        nodes = sum(len(outcome.result.nodes) for outcome in engine.run(tasks))
        return nodes / (time.perf_counter() - began)


def memory() -> float:
    """Peak memory of a search of 400 problems in GB, over all of its processes."""
    config = astro.load_config(CONFIG, ["trees=400"])
    with tempfile.TemporaryDirectory() as runs, peak_memory() as peak:
        astro.run(config, runs=runs, until="search")
    return max(peak) * 1024 / 1e9


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """Records the memory of this process and its children in KiB, five times per second."""
    samples: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.2):
            samples.append(sum(proportional_set_size(pid) for pid in family()))

    thread = threading.Thread(target=watch)
    thread.start()
    yield samples
    stop.set()
    thread.join()


def family() -> list[str]:
    return ["self", *(str(child.pid) for child in psutil.Process().children(recursive=True))]


def proportional_set_size(pid: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def main() -> None:
    peak = memory()
    middle = sorted(ratios())[ROUNDS // 2]
    publish(
        "search",
        [
            Mark.of("nodes/s, 64 problems at once to one at a time, median of 3", middle, ">= 8"),
            Mark.of("peak memory of a 400-problem search, GB, all processes", peak, "<= 1.5"),
        ],
    )


if __name__ == "__main__":
    main()
