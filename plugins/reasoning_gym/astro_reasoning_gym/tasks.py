"""The tasks of reasoning-gym, and the conversion of their entries to problems and back."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, Protocol

import reasoning_gym  # type: ignore[import-untyped]
from reasoning_gym.factory import DATASETS  # type: ignore[import-untyped]

from astro.errors import ProblemError
from astro.types import Problem

_MIXTURES = {"composite"}
_EXAMPLES: Mapping[str, Callable[[Mapping[str, Any]], str]] = MappingProxyType(
    {
        "boxnet": lambda _: "",
        "graph_color": lambda metadata: json.dumps(metadata["possible_answer"]),
        "propositional_logic": lambda metadata: str(metadata["example_answer"]),
        "rubiks_cube": lambda metadata: str(metadata["example_correct_answer"]),
        "rush_hour": lambda _: "",
    }
)
"""Tasks with many correct answers, whose entries have none, and an example answer, if any."""


class Dataset(Protocol):
    """A dataset of reasoning-gym: a task with its settings."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return an entry: `question`, `answer` and `metadata`."""

    def score_answer(self, answer: str, entry: dict[str, Any]) -> float:
        """Return a score of at most 1.0."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a scorer needs to know about a problem: the task, its settings, and the entry."""

    task: str
    settings: Mapping[str, Any]
    answer: str
    metadata: Mapping[str, Any]


def names() -> list[str]:
    """Return the names of the tasks without mixtures, sorted."""
    return sorted(DATASETS.keys() - _MIXTURES)


def create(task: str, settings: Mapping[str, Any], seed: int, size: int) -> Dataset:
    """Return the dataset of a task.

    Raises:
        ProblemError: The task is unknown, or rejects the settings.
    """
    if task not in names():
        close = difflib.get_close_matches(task, names(), n=1)
        hint = f"did you mean {close[0]}?" if close else "see reasoning-gym's gallery"
        raise ProblemError(f"reasoning-gym has no task {task!r}", hint)
    try:
        dataset: Dataset = reasoning_gym.create_dataset(task, seed=seed, size=size, **settings)
    except (TypeError, ValueError, AssertionError) as error:
        raise ProblemError(f"reasoning-gym's {task} rejects {dict(settings)}: {error}") from None
    return dataset


def to_problem(
    task: str, settings: Mapping[str, Any], entry: Mapping[str, Any], instruction: str
) -> Problem | None:
    """Return a problem from which the entry can be restored; None if there is no reference."""
    metadata, question = entry["metadata"], str(entry["question"])
    example = _EXAMPLES.get(task)
    answer = example(metadata) if example else str(entry["answer"])
    if not answer and not example:
        return None
    digest = blake2b(question.encode("utf-8", "replace"), digest_size=8).hexdigest()
    return Problem(
        f"{task}-{digest}",
        question + instruction,
        answer,
        {"task": task, "settings": dict(settings), "entry": _json(metadata)},
    )


def from_problem(problem: Problem) -> Entry | None:
    """Restore the entry of a problem; None if the problem does not contain one."""
    task, settings, metadata = map(problem.metadata.get, ("task", "settings", "entry"))
    if not (isinstance(task, str) and isinstance(settings, dict) and isinstance(metadata, dict)):
        return None
    if not problem.answer and task not in _EXAMPLES:
        return None
    return Entry(task, settings, problem.answer, metadata)


def _json(value: Any) -> Any:
    """Return the value as it is read back from JSON; other types become text."""
    return json.loads(json.dumps(value, default=str))
