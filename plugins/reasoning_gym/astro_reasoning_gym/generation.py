"""Generation of problems in a separate process: `python -m astro_reasoning_gym.generation`.

Some tasks iterate over sets of strings, whose order changes from one interpreter to the next. The
process is therefore started with a fixed hash seed, so that equal requests give equal problems.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import msgspec

from astro.errors import ProblemError
from astro.seeds import derive
from astro.types import Problem

_CHUNK = 200
_BARREN = 2_000
"""After this many entries without a new problem for the split, there are assumed to be no more."""


class Draw(msgspec.Struct, frozen=True):
    """A request for `count` problems of one task and split; `settings` are those of the task."""

    task: str
    settings: dict[str, Any]
    split: str
    count: int
    seed: int
    instruction: str


class _Drawn(msgspec.Struct, frozen=True):
    """The problems of all draws, or the error that prevented them."""

    problems: list[list[Problem]] = []
    error: str = ""


def draw_apart(draws: list[Draw]) -> list[list[Problem]]:
    """Return the problems of each draw, generated in a fresh interpreter.

    Raises:
        ProblemError: The process fails, a task or its settings are invalid, or there are too few
            problems.
    """
    done = subprocess.run(
        [sys.executable, "-P", "-m", "astro_reasoning_gym.generation"],
        input=msgspec.json.encode(draws),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        check=False,
    )
    if done.returncode:
        raise ProblemError(f"the generation of problems failed with exit code {done.returncode}")
    drawn = msgspec.json.decode(done.stdout, type=_Drawn)
    if drawn.error:
        raise ProblemError(drawn.error)
    return drawn.problems


def draw(wanted: Draw) -> list[Problem]:
    """Return different problems of a split.

    The split of a problem depends on its question only, so the splits are disjoint.

    Raises:
        ProblemError: There are not enough problems.
    """
    found: dict[str, Problem] = {}
    barren = 0
    problems = _problems(wanted)
    while len(found) < wanted.count:
        problem = next(problems)
        if problem is None or problem.id in found or split_of(problem) != wanted.split:
            barren += 1
        else:
            found[problem.id] = problem
            barren = 0
        if barren == _BARREN:
            raise ProblemError(
                f"reasoning-gym's task {wanted.task!r} has {len(found)} different problems in "
                f"{wanted.split}, not {wanted.count}; request fewer, or change its settings"
            )
    return list(found.values())


def split_of(problem: Problem) -> str:
    """Return the split of a problem by its hash: one quarter test, one quarter dev, half train."""
    return ("test", "dev", "train", "train")[
        blake2b(problem.id.encode(), digest_size=1).digest()[0] % 4
    ]


def _problems(wanted: Draw) -> Iterator[Problem | None]:
    from astro_reasoning_gym.tasks import create, to_problem

    chunk = 0
    while True:
        seed = derive(wanted.seed, wanted.task, chunk)
        dataset = create(wanted.task, wanted.settings, seed, _CHUNK)
        for index in range(_CHUNK):
            yield to_problem(wanted.task, wanted.settings, dataset[index], wanted.instruction)
        chunk += 1


def main() -> None:
    """Read draws from stdin and write problems to stdout; output of the tasks goes to stderr."""
    draws = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Draw])
    with contextlib.redirect_stdout(sys.stderr):
        try:
            drawn = _Drawn([draw(wanted) for wanted in draws])
        except ProblemError as error:
            drawn = _Drawn(error=str(error))
    sys.stdout.buffer.write(msgspec.json.encode(drawn))


if __name__ == "__main__":
    main()
