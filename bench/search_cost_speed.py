"""The speed of MCTS on the tiny model against other libraries, and the time to the first tree.

ASTRO runs as a user runs it, with the quickstart's policy in two processes, its verifiers and its
journal. The others run in a process of their own on both cores, whose start is not counted. All
have the same model, problems of the same kind, 8 samples a step, 16 iterations and depth 6.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from statistics import median

from engines import LLM_REASONERS, installed, journal
from marks import Mark
from search import CONFIG, take
from startup import ASTRO

import astro
from astro.engine.loop import Engine
from astro.engine.tasks import Task
from astro.plugins.registry import Registry
from astro.verification.pool import VerifierPool

TREEQUEST = ("treequest==0.3.3", "ulid-py==1.1.0", "scipy==1.16.3")
PEERS = Path(__file__).with_name("search_cost_peers.py")
ROUNDS = 3
OURS, LLM, TREE = 300, 24, 6
"""The problems of a round."""
THOUSAND = 1000
STARTS = 3


def marks() -> list[Mark]:
    """Solved problems per second as ratios, the median of the rounds, and the first tree."""
    ours, llm, tree = [], [], []
    began = time.perf_counter()
    config = astro.load_config(CONFIG, ["search.params.max_depth=6"])
    registry = Registry.discover()
    policy = registry.build("policy", config.policy)
    start = time.perf_counter() - began
    problems = iter(registry.build("problems", config.problems).load("train"))
    value = registry.build("value", config.value)
    step_format = registry.build("step_format", config.step_format)
    search = registry.build("search", config.search, value=value, step_format=step_format)
    with VerifierPool(config.verifier) as pool, closing(policy):
        for _ in range(ROUNDS):
            tasks = [
                Task(problem.id, partial(search.search, problem, seed))
                for seed, problem in enumerate(take(problems, OURS))
            ]
            with journal() as opened:
                engine = Engine(
                    {"policy": policy, "verifier": pool}, seed=0, concurrency=128, journal=opened
                )
                began = time.perf_counter()
                solved = sum(outcome.result.solved for outcome in engine.run(tasks))
                ours.append(solved / (time.perf_counter() - began))
            llm.append(peer("llm_reasoners", LLM, LLM_REASONERS))
            tree.append(peer("treequest", TREE, *TREEQUEST))
            print(f"solved/s {ours[-1]:.2f} {llm[-1]:.2f} {tree[-1]:.3f}", flush=True)
    counted = [THOUSAND / (THOUSAND / rate + start) for rate in ours]
    first = median(first_tree() for _ in range(STARTS))
    return [
        Mark.of("solved problems/s to llm-reasoners', steady", ratio(ours, llm), ">= 12"),
        Mark.of("the same, 1,000 problems and the start", ratio(counted, llm), ">= 10"),
        Mark.of("solved problems/s to TreeQuest's", ratio(ours, tree), ">= 60"),
        Mark.of("from the command to the first tree, seconds", first, "<= 3"),
    ]


def ratio(above: list[float], below: list[float]) -> float:
    return median(a / b for a, b in zip(above, below, strict=True))


def peer(name: str, problems: int, *requirements: str) -> float:
    """Solved problems per second of another library."""
    paths = [str(installed(requirement)) for requirement in requirements]
    path = os.pathsep.join([os.environ.get("PYTHONPATH", ""), paths[0]])
    done = subprocess.run(
        [sys.executable, PEERS, name, str(problems)],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "2"},
        stdout=subprocess.PIPE,
        check=True,
    )
    seconds, solved = done.stdout.split()[-2:]
    return int(solved) / float(seconds)


def first_tree() -> float:
    """Seconds that a whole search of one problem takes on the command line."""
    with tempfile.TemporaryDirectory() as runs:
        began = time.perf_counter()
        command = [ASTRO, "run", CONFIG, "--runs", runs, "--until", "search", "--set", "trees=1"]
        subprocess.run(list(map(str, command)), stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - began
