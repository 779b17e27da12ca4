"""From rows of a data set to problems: which rows are used, and what each key means."""

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
    Field(description="use only rows with this value, or one of these values, under a key"),
]
AnswerIn = Annotated[
    Literal["text", "boxed", "hashes"],
    Field(description=r"the answer is the whole text, the last \boxed{}, or the text after ####"),
]
DropUnanswered = Annotated[
    bool, Field(description="skip rows without such an answer, instead of stopping")
]
DataRow = Mapping[str, Any]
"""A row of a data set: JSON-safe values by key."""


class Fields(Params):
    """The keys of a row that hold the parts of a problem.

    Without `metadata`, all other keys are kept under their own names.
    """

    id: Annotated[str, Field(description="key of the problem's id")] = "id"
    prompt: Annotated[str, Field(description="key of the question")] = "prompt"
    answer: Annotated[str, Field(description="key of the reference answer")] = "answer"
    metadata: Annotated[
        dict[str, str] | None,
        Field(description="name in the problem's metadata -> key of the row; no other key is kept"),
    ] = None


def selected(rows: Iterable[tuple[str, DataRow]], where: Where) -> Iterator[tuple[str, DataRow]]:
    """The (place, row) pairs that match `where`, in order. A number equals its text: 5 is "5".

    Raises:
        ProblemError: there are rows, but none matches.
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
    row: DataRow,
    fields: Fields,
    where: str,
    default_id: str,
    answer_in: AnswerIn = "text",
    *,
    answered: bool = True,
) -> Problem | None:
    """The problem in a row; None if its text has no answer in the form `answer_in`.

    A row without an id gets `default_id`. Unless it has to be `answered`, a row without an answer
    gets an empty one.

    Raises:
        ProblemError: a key is missing, or its value is neither text nor a number. The message
            begins with the place `where`.
    """
    named = (fields.id, fields.prompt, fields.answer)
    problem_id = _string(row, fields.id, where) if fields.id in row else default_id
    prompt = _string(row, fields.prompt, where)
    unanswered = row[fields.answer] in (None, "") if fields.answer in row else not answered
    answer = "" if unanswered else answer_of(_string(row, fields.answer, where), answer_in)
    if not answer and answered:
        return None
    kept = fields.metadata
    if kept is None:
        metadata = {key: value for key, value in row.items() if key not in named}
    else:
        metadata = {name: row[key] for name, key in kept.items() if key in row}
    return Problem(problem_id, prompt, answer, metadata)


def answer_of(text: str, answer_in: AnswerIn) -> str:
    r"""The reference answer in a text; empty if there is none.

    `boxed` is the form of MATH and NuminaMath: the last `\boxed{...}` whose braces close.
    `hashes` is the form of GSM8K: the text after the last `####`.
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
    r"""The text between the brace that `text` begins with and the one that closes it.

    It is empty if no brace closes it. Without a brace, as in `\boxed 5`, it is the first word.
    """
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


def _string(row: DataRow, name: str, where: str) -> str:
    if name not in row:
        raise ProblemError(f"{where}: no key {name!r}, only {_some(row)}")
    value = row[name]
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise ProblemError(f"{where}: {name} must be text or a number, got {value!r:.40}")
    return str(value)


def _some(keys: Iterable[str]) -> str:
    return ", ".join(islice(keys, 20))
