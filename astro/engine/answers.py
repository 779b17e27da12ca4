"""Which answers of models to a problem are equivalent, by the problem's verifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from astro.requests import Program, Request, Verify
from astro.types import Problem, Status, Verdict

_MOST_COMPARED = 32
"""Different wrong answers that are compared with one another, the most frequent ones."""

_ANY_REFERENCE = "0"
"""The reference in a request that only wants to know which answer a verifier reads."""


def answer_key(answer: str) -> str:
    """Return an answer without the spaces and dollar signs by which equal answers may differ."""
    return " ".join(answer.split()).strip("$ ")


class AnswerClasses:
    r"""Classes of equivalent answers to a problem, which grow one answer at a time.

    1/2, 0.5 and \frac12 are one class. Whether two answers are equivalent is asked of the verifier,
    with the shorter of them as the reference. A question that it cannot answer, for example because
    the reference cannot be read, leaves the two in classes of their own.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._first: dict[str, str] = {}
        self._firsts: list[str] = []

    def __len__(self) -> int:
        """The number of classes."""
        return len(self._firsts)

    def join(self, answer: str) -> Program[str]:
        """Return the first answer of the class of `answer`, which is a key (see `answer_key`)."""
        if answer not in self._first:
            pairs = [sorted((answer, first), key=lambda a: (len(a), a)) for first in self._firsts]
            verdicts = (yield [_question(self._problem, *pair) for pair in pairs]) if pairs else []
            equal = (first for first, v in zip(self._firsts, verdicts, strict=True) if v.correct)
            self._first[answer] = next(equal, answer)
            if self._first[answer] == answer:
                self._firsts.append(answer)
        return self._first[answer]


def reading(problem: Problem, responses: Sequence[str]) -> list[Request]:
    """Return the requests that read the answers of responses, whatever the right one is."""
    posed = replace(problem, id=f"{problem.id} (answers)", answer=_ANY_REFERENCE)
    return [Verify(posed, text, comparison=True) for text in responses]


def read_verdicts(problem: Problem, responses: Sequence[str]) -> Program[Sequence[Verdict]]:
    """Return verdicts that give the answers of responses, whatever the right one is."""
    asked = reading(problem, responses)
    verdicts: Sequence[Verdict] = (yield asked) if asked else []
    return verdicts


def read_answers(problem: Problem, responses: Sequence[str]) -> Program[list[str | None]]:
    """Return the answer that the verifier reads from each response, whatever the right one is.

    One that the response itself rejects is none.
    """
    verdicts = yield from read_verdicts(problem, responses)
    return [verdict.vote for verdict in verdicts]


def equivalent_answers(problem: Problem, verdicts: Sequence[Verdict]) -> Program[dict[str, str]]:
    """Map the key of each answer to that of the first answer that is equivalent to it.

    Correct answers are one class, since each is equivalent to the reference. A correct answer and
    an incorrect one are never equivalent. A verifier that accepts every valid answer and does not
    look at the reference, as for a game, cannot be asked which answers are equivalent. The mapping
    is then empty, as it is if no answer is correct or none is incorrect. It does not depend on the
    order of the verdicts.
    """
    right = _with_status(verdicts, Status.CORRECT)
    wrong = _with_status(verdicts, Status.INCORRECT)
    if not (right and wrong and (yield from _reads_reference(problem, right[0], wrong[0]))):
        return {}
    same = dict.fromkeys(right, right[0])
    classes = AnswerClasses(problem)
    for answer in [key for key in wrong if key not in same][:_MOST_COMPARED]:
        same[answer] = yield from classes.join(answer)
    return same


def frequent_first(keys: Iterable[str]) -> list[str]:
    """Return the distinct keys, from the most frequent to the rarest, then by text.

    Classes that are made in this order do not depend on the order of the responses.
    """
    counts = Counter(keys)
    return sorted(counts, key=lambda key: (-counts[key], key))


def _with_status(verdicts: Sequence[Verdict], status: Status) -> list[str]:
    """The keys of the answers with this status, the most frequent ones first."""
    return frequent_first(
        answer_key(v.answer) for v in verdicts if v.answer is not None and v.status is status
    )


def _reads_reference(problem: Problem, right: str, wrong: str) -> Program[bool]:
    """Whether a correct answer is no longer correct if a wrong one is the reference."""
    (verdict,) = yield [_question(problem, wrong, right)]
    return verdict.status not in (Status.CORRECT, Status.TIMEOUT, Status.ERROR)


def _question(problem: Problem, reference: str, answer: str) -> Verify:
    posed = replace(problem, id=f"{problem.id} (answers)", answer=reference)
    return Verify(posed, rf"\boxed{{{answer}}}", comparison=True)
