from __future__ import annotations

from astro.requests import Program, Verify
from astro.types import Problem
from astro_search.programs import alongside

PROBLEM = Problem("p", "", "")


def verify(text: str) -> Verify:
    return Verify(PROBLEM, text)


def asking(batches: list[list[Verify]]) -> Program[list[str]]:
    heard = []
    for batch in batches:
        heard += yield list(batch)
    return heard


def run(program: Program[tuple[list[str], list[str]]]) -> tuple[list[list[str]], object]:
    """The texts asked for, batch by batch, and the result; a reply is its text doubled."""
    asked = []
    try:
        batch = next(program)
        while True:
            texts = [request.response for request in batch if isinstance(request, Verify)]
            asked.append(texts)
            batch = program.send([text * 2 for text in texts])
    except StopIteration as stop:
        return asked, stop.value


def test_requests_travel_with_the_first_batch() -> None:
    program = asking([[verify("a"), verify("b")], [verify("c")]])
    asked, result = run(alongside([verify("x")], program))
    assert asked == [["x", "a", "b"], ["c"]]
    assert result == (["xx"], ["aa", "bb", "cc"])


def test_a_program_that_asks_nothing() -> None:
    assert run(alongside([verify("x")], asking([]))) == ([["x"]], (["xx"], []))
    assert run(alongside([], asking([]))) == ([], ([], []))
