"""The verifier: reads the final answer, and has the task of the problem judge it."""

from __future__ import annotations

import msgspec

from astro.errors import ProblemError
from astro.text import after_thoughts
from astro.types import Problem, Status, Verdict
from astro_reasoning_gym import scoring
from astro_reasoning_gym.arithmetic import Unreadable
from astro_reasoning_gym.extraction import extract
from astro_reasoning_gym.params import VerifierParams
from astro_reasoning_gym.tasks import Dataset, Entry, create, from_problem

MAX_CHARACTERS = 100_000


class ReasoningGymVerifier:
    """Verifier `reasoning_gym`.

    It keeps the data that scorers need (boards, word lists) for the tasks that it has seen.
    """

    def __init__(self, params: VerifierParams) -> None:
        """Load the data of the tasks in `preload`.

        Raises:
            ProblemError: A task is unknown.
        """
        self._params = params
        self._datasets: dict[bytes, Dataset] = {}
        for task in params.preload:
            self._dataset(Entry(task, {}, "", {}))

    def verify(self, problem: Problem, response: str) -> Verdict:
        """Return a verdict on any text. Scorers may be slow, so run it in a pool with a timeout."""
        entry = from_problem(problem)
        if entry is None:
            return Verdict(Status.BAD_REFERENCE, reason="not a problem of reasoning_gym")
        if len(response) > MAX_CHARACTERS:
            return Verdict(Status.UNPARSED, reason=f"longer than {MAX_CHARACTERS} characters")
        answer = extract(after_thoughts(response), self._params.extract)
        if not answer:
            return Verdict(Status.UNPARSED, reason=f"no answer ({self._params.extract})")
        try:
            dataset = self._dataset(entry)
        except ProblemError as error:
            return Verdict(Status.BAD_REFERENCE, reason=str(error))
        return _judged(answer, entry, dataset)

    def _dataset(self, entry: Entry) -> Dataset:
        key = msgspec.json.encode([entry.task, entry.settings])
        if key not in self._datasets:
            self._datasets[key] = create(entry.task, entry.settings, seed=0, size=1)
        return self._datasets[key]


def _judged(answer: str, entry: Entry, dataset: Dataset) -> Verdict:
    try:
        correct = scoring.correct(answer, entry, dataset)
    except Unreadable as error:
        return Verdict(Status.UNPARSED, None, str(error))
    except MemoryError:
        raise
    except Exception as error:  # a scorer may raise anything on text that it cannot read
        return Verdict(Status.UNPARSED, None, f"the scorer raised {type(error).__name__}")
    if correct:
        return Verdict(Status.CORRECT, answer)
    return Verdict(Status.INCORRECT, answer, f"not right by the rules of {entry.task}")
