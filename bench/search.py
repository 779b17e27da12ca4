"""Search with the tiny model: 64 problems at once against one at a time, and its memory.

Both arms search the same problems, in turn, in processes of their own that have searched a few
before, so that the imports are not timed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from marks import Mark, publish

import astro

CONFIG = Path(__file__).parents[1] / "configs" / "quickstart.yaml"
PROBLEMS = 64
ROUNDS = 3
WARM_UP = 4


def search(problems: int, concurrency: int) -> dict[str, float]:
    """Nodes per second of one search stage, loading the model included; peak memory in GiB."""
    config = astro.load_config(
        CONFIG,
        [
            f"problems.params.train={problems}",
            f"executor={{name: local, params: {{concurrency: {concurrency}}}}}",
        ],
    )
    with tempfile.TemporaryDirectory() as runs, peak_memory() as peak:
        began = time.monotonic()
        result = astro.run(config, runs=runs, until="search")
        seconds = time.monotonic() - began
        trees = (result.folder / "trees.jsonl").read_text().splitlines()
    nodes = sum(len(json.loads(tree)["nodes"]) for tree in trees)
    return {"nodes_per_second": nodes / seconds, "memory": max(peak) / 2**20}


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """Collects, five times a second, the KiB that this process and its children take up."""
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
    tasks = Path("/proc/self/task").glob("*/children")
    return ["self", *(pid for task in tasks for pid in task.read_text().split())]


def proportional_set_size(pid: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def in_child(problems: int, concurrency: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, __file__, str(problems), str(concurrency)],
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        stdout=subprocess.PIPE,
        check=True,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    ratios = []
    for _ in range(ROUNDS):
        alone, together = in_child(PROBLEMS, 1), in_child(PROBLEMS, 64)
        ratios.append(together["nodes_per_second"] / alone["nodes_per_second"])
    memory = in_child(400, 64)["memory"]
    publish(
        "search",
        [
            Mark.of(
                "nodes/s, 64 problems at once against one at a time, median of 3 pairs",
                sorted(ratios)[ROUNDS // 2],
                ">= 8",
            ),
            Mark.of("memory of a 400-problem search, GiB, all its processes", memory, "<= 1.5"),
        ],
    )


if __name__ == "__main__":
    if sys.argv[1:]:
        problems, concurrency = map(int, sys.argv[1:])
        search(WARM_UP, concurrency)
        print(json.dumps(search(problems, concurrency)))
    else:
        main()
