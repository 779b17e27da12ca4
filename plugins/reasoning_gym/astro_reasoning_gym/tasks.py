"""reasoning-gym's tasks by name, and the way from their entries to problems and back."""

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
"""Tasks whose entries name no answer, because many are right, and an example of one, if any."""


class Dataset(Protocol):
    """A task with its settings, as reasoning-gym has it."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        """An entry: `question`, `answer` and `metadata`."""

    def score_answer(self, answer: str, entry: dict[str, Any]) -> float:
        """At most 1.0."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a scorer is told of a problem: its task with settings, and the entry itself."""

    task: str
    settings: Mapping[str, Any]
    answer: str
    metadata: Mapping[str, Any]


def names() -> list[str]:
    """The tasks, without the mixtures of them, in order."""
    return sorted(DATASETS.keys() - _MIXTURES)


def create(task: str, settings: Mapping[str, Any], seed: int, size: int) -> Dataset:
    """A task's dataset. Raises `ProblemError` for an unknown task or settings it does not take."""
    if task not in names():
        close = difflib.get_close_matches(task, names(), n=1)
        hint = f"did you mean {close[0]}?" if close else "see reasoning-gym's gallery"
        raise ProblemError(f"reasoning-gym has no task {task!r}", hint)
    try:
        dataset: Dataset = reasoning_gym.create_dataset(task, seed=seed, size=size, **settings)
    except (TypeError, ValueError, AssertionError) as error:
        raise ProblemError(f"reasoning-gym's {task} refuses {dict(settings)}: {error}") from None
    return dataset


def to_problem(
    task: str, settings: Mapping[str, Any], entry: Mapping[str, Any], instruction: str
) -> Problem | None:
    """A problem whose metadata brings the entry back; None for one without a reference."""
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
    """What `to_problem` was given; None where the problem does not hold it."""
    task, settings, metadata = map(problem.metadata.get, ("task", "settings", "entry"))
    if not (isinstance(task, str) and isinstance(settings, dict) and isinstance(metadata, dict)):
        return None
    if not problem.answer and task not in _EXAMPLES:
        return None
    return Entry(task, settings, problem.answer, metadata)


def _json(value: Any) -> Any:
    """The value as it comes back from a JSON file; what JSON has no form for, as text."""
    return json.loads(json.dumps(value, default=str))
