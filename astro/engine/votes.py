"""Which answers of a problem's responses are the same vote, by the verifier's own equivalence."""

from __future__ import annotations

from collections.abc import Sequence

from astro.engine.answers import answer_key, equivalent_answers
from astro.requests import Program
from astro.types import Problem, Verdict


def answer_classes(problem: Problem, verdicts: Sequence[Verdict]) -> Program[list[int | None]]:
    """Return the class of each verdict's answer; None for one that has none or rejects it.

    Equivalent answers are one vote (see `equivalent_answers`). The classes matter to a vote, and
    are asked for, only if some answers are correct and some are not. They do not depend on the
    order of the responses.
    """
    same = yield from equivalent_answers(problem, verdicts)
    keys = [None if v.vote is None else answer_key(v.vote) for v in verdicts]
    classes: dict[str, int] = {}
    return [
        None if key is None else classes.setdefault(same.get(key, key), len(classes))
        for key in keys
    ]
