"""Problems from rows, mappings of keys to values: which rows, and what each key means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import Field

from astro.errors import ProblemError
from astro.plugins.params import Params
from astro.types import Problem

Scalar = bool | int | float | str | None
Where = Annotated[
    dict[str, Scalar | tuple[Scalar, ...]],
    Field(description="only rows with this value, or one of these, under a key"),
]
AnswerIn = Annotated[
    Literal["text", "boxed", "hashes"],
    Field(description=r"the answer is all of its text, the last \boxed{}, or what follows ####"),
]
DropUnanswered = Annotated[
    bool, Field(description="pass over rows whose text holds no such answer, rather than stop")
]
Row = Mapping[str, Any]
"""JSON-safe values by key."""


class Fields(Params):
    """The names of the keys in a row. What `metadata` does not name is kept under its own name."""

    id: str = "id"
    prompt: str = "prompt"
    answer: str = "answer"
    metadata: Annotated[
        dict[str, str] | None,
        Field(description="name in a problem's metadata -> key, and no further ones"),
    ] = None


def selected(rows: Iterable[tuple[str, Row]], where: Where) -> Iterator[tuple[str, Row]]:
    """The (place, row) that `where` lets through, in order. Numbers equal their text: 5 is "5".

    Raises `ProblemError` if it lets none of them through.
    """
    wanted = {
        key: set(map(str, value if isinstance(value, tuple) else (value,)))
        for key, value in where.items()
    }
    seen, found, keys = 0, 0, dict[str, None]()
    for place, row in rows:
        seen += 1
        keys |= dict.fromkeys(row)
        if all(str(row.get(key)) in values for key, values in wanted.items()):
            found += 1
            yield place, row
    if seen and not found:
        raise ProblemError(f"where lets none of {seen} rows through", f"their keys: {_some(keys)}")


def to_problem(
    row: Row, fields: Fields, where: str, default_id: str, answer_in: AnswerIn = "text"
) -> Problem | None:
    """The problem in a row; None where its text holds no answer in the form asked for.

    A row without an id takes `default_id`. Raises `ProblemError`, which names the place `where`,
    for a key that is not there or holds neither text nor a number.
    """
    named = (fields.id, fields.prompt, fields.answer)
    problem_id = _string(row, fields.id, where) if fields.id in row else default_id
    prompt = _string(row, fields.prompt, where)
    unanswered = fields.answer in row and row[fields.answer] in (None, "")
    answer = "" if unanswered else answer_of(_string(row, fields.answer, where), answer_in)
    if not answer:
        return None
    kept = fields.metadata
    if kept is None:
        metadata = {key: value for key, value in row.items() if key not in named}
    else:
        metadata = {name: row[key] for name, key in kept.items() if key in row}
    return Problem(problem_id, prompt, answer, metadata)


def answer_of(text: str, answer_in: AnswerIn) -> str:
    r"""The reference in a text; empty if there is none.

    `boxed` is MATH's and NuminaMath's: the last `\boxed{...}` whose braces close. `hashes` is
    GSM8K's: what follows the last `####`.
    """
    if answer_in == "hashes":
        return text.rpartition("####")[2].strip() if "####" in text else ""
    return _last_boxed(text) if answer_in == "boxed" else text


def _last_boxed(text: str) -> str:
    for command in (r"\boxed", r"\fbox"):
        start = text.rfind(command)
        while start >= 0:
            inner = _braced(text[start + len(command) :].lstrip())
            if inner:
                return inner
            start = text.rfind(command, 0, start)
    return ""


def _braced(text: str) -> str:
    """What stands between the brace that `text` begins with and the one that closes it; empty
    where there is none. Without a brace, `\\boxed 5`, the first word."""
    if not text.startswith("{"):
        return next(iter(text.split(maxsplit=1)), "").strip("$.")
    depth, escaped = 0, False
    for position, character in enumerate(text):
        if not escaped:
            depth += (character == "{") - (character == "}")
        if depth == 0:
            return text[1:position].strip()
        escaped = character == "\\" and not escaped
    return ""


def _string(row: Row, name: str, where: str) -> str:
    if name not in row:
        raise ProblemError(f"{where}: no key {name!r}, only {_some(row)}")
    value = row[name]
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise ProblemError(f"{where}: {name} must be text or a number, got {value!r:.40}")
    return str(value)


def _some(keys: Iterable[str]) -> str:
    return ", ".join(islice(keys, 20))
