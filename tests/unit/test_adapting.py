"""Programs with changed requests: what they are sent, and what the engine sees."""

from __future__ import annotations

from dataclasses import replace

import pytest

from astro.engine.adapting import adapted
from astro.requests import BudgetExhausted, Generate, Program, Request, Verify
from astro.types import Problem, Prompt

CHECK = Verify(Problem("p", "q", "1"), "r")


def without_verdicts(request: Request) -> Request | None:
    return None if isinstance(request, Verify) else replace(request, seed=9)


def asks() -> Program[list[object]]:
    """Ask for a sample between two verdicts, and then for a verdict alone."""
    heard = [(yield [CHECK, Generate(Prompt("a")), CHECK])]
    heard.append((yield [CHECK]))
    try:
        yield [CHECK, Generate(Prompt("b"))]
    except BudgetExhausted as spent:
        heard.append(spent.replies)
    return heard


def test_replies_stand_in_the_places_of_their_requests() -> None:
    program = adapted(asks(), without_verdicts)
    assert next(program) == [Generate(Prompt("a"), seed=9)]
    assert program.send(["sample"]) == [Generate(Prompt("b"), seed=9)]
    with pytest.raises(StopIteration) as stop:
        program.throw(BudgetExhausted(["part"]))
    assert stop.value.value == [[None, "sample", None], [None], (None, "part")]


def test_a_budget_that_brought_nothing_brings_nothing() -> None:
    program = adapted(asks(), without_verdicts)
    next(program)
    program.send(["sample"])
    with pytest.raises(StopIteration) as stop:
        program.throw(BudgetExhausted())
    assert stop.value.value[2] == ()
