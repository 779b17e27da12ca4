"""Which answers of a problem's responses are the same vote, by the verifier's own equivalence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from astro.requests import Program, Verify
from astro.types import Problem, Status, Verdict

_MOST_COMPARED = 32
"""Different wrong answers that are compared with one another, the most frequent ones."""


def answer_classes(problem: Problem, verdicts: Sequence[Verdict]) -> Program[list[int | None]]:
    r"""Return the class of each verdict's answer; None for a response without an answer.

    Answers of one class are one vote: 1/2, 0.5 and \frac12. Whether two answers are equivalent is
    asked of the verifier, with one of them as the reference. Correct answers are one class, since
    each is equivalent to the reference. A verifier that accepts every valid answer and does not
    look at the reference, as for a game, cannot be asked this; there, equal texts are one class.
    The classes matter to a vote, and are asked for, only if some answers are correct and some are
    not. They do not depend on the order of the responses.
    """
    keys = [None if v.answer is None else _key(v.answer) for v in verdicts]
    right = _frequent_first(keys, verdicts, Status.CORRECT)
    wrong = _frequent_first(keys, verdicts, Status.INCORRECT)
    same = {}
    if right and wrong and (yield from _reads_reference(problem, right[0], wrong[0])):
        same = dict.fromkeys(right, right[0])
        same |= yield from _equivalent(problem, [key for key in wrong if key not in same])
    classes: dict[str, int] = {}
    return [
        None if key is None else classes.setdefault(same.get(key, key), len(classes))
        for key in keys
    ]


def _frequent_first(
    keys: Sequence[str | None], verdicts: Sequence[Verdict], status: Status
) -> list[str]:
    """The answers with this status, from the most frequent to the rarest, then by text."""
    counts = Counter(
        key for key, v in zip(keys, verdicts, strict=True) if key is not None and v.status is status
    )
    return sorted(counts, key=lambda key: (-counts[key], key))


def _reads_reference(problem: Problem, right: str, wrong: str) -> Program[bool]:
    """Whether a correct answer is no longer correct if a wrong one is the reference."""
    (verdict,) = yield [_question(problem, wrong, right)]
    return verdict.status not in (Status.CORRECT, Status.TIMEOUT, Status.ERROR)


def _equivalent(problem: Problem, answers: Sequence[str]) -> Program[dict[str, str]]:
    """Map each answer to the first one that it is equivalent to."""
    leaders: list[str] = []
    found: dict[str, str] = {}
    for answer in answers[:_MOST_COMPARED]:
        pairs = [sorted((answer, leader), key=lambda text: (len(text), text)) for leader in leaders]
        verdicts = (yield [_question(problem, *pair) for pair in pairs]) if pairs else []
        equal = (leader for leader, v in zip(leaders, verdicts, strict=True) if v.correct)
        found[answer] = next(equal, answer)
        if found[answer] == answer:
            leaders.append(answer)
    return found


def _question(problem: Problem, reference: str, answer: str) -> Verify:
    posed = replace(problem, id=f"{problem.id} (answers)", answer=reference)
    return Verify(posed, rf"\boxed{{{answer}}}")


def _key(answer: str) -> str:
    return " ".join(answer.split()).strip("$ ")
