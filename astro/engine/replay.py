"""What a program that runs elsewhere has so far, from its recorded replies alone."""

from __future__ import annotations

from typing import Any, TypeVar

from astro.engine.journal import Recording
from astro.engine.tasks import Task
from astro.engine.waves import seeded
from astro.errors import AstroError, RunError
from astro.requests import BudgetExhausted, Program, Request

R = TypeVar("R")
_MOST_REFUSALS = 100
"""How many batches a program may still request after it was told to end."""


def so_far(task: Task[R], seed: int, recording: Recording) -> R:
    """Return what a task would result in if its budget were spent after its recorded replies.

    `seed` is the seed of the run. The program is run from its beginning, because it cannot go on
    once it was told to end.

    Raises:
        JournalError: The program makes other requests than those that were recorded.
        RunError: The program fails, or it has no result.
    """
    program, asked = task.start(), 0
    replies: Any = None
    try:
        for number in range(len(recording)):
            requests = seeded(_resumed(program, replies), seed, task.key, asked)
            asked += len(requests)
            replies = recording.replies(number, requests)
            replies = BudgetExhausted() if replies is None else replies
        for _ in range(_MOST_REFUSALS):
            _resumed(program, replies)
            replies = BudgetExhausted()
    except StopIteration as stop:
        result: R = stop.value
        return result
    except AstroError:
        raise
    except BudgetExhausted:
        raise RunError(f"{task.key}: it has no result yet") from None
    except Exception as error:  # a program's error is its own
        raise RunError(f"{task.key}: {type(error).__name__}: {error}") from error
    raise RunError(f"{task.key}: it goes on after its budget is spent")


def _resumed(program: Program[R], replies: Any) -> list[Request]:
    """The requests that a program makes after replies, or after the signal to end."""
    if isinstance(replies, BudgetExhausted):
        return program.throw(replies)
    return program.send(replies)
