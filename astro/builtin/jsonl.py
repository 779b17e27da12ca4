"""Problems from JSON Lines files: one JSON object per line, in UTF-8."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from astro.builtin.rows import (
    AnswerIn,
    DataRow,
    DropUnanswered,
    Fields,
    Where,
    selected,
    to_problem,
)
from astro.errors import ProblemError
from astro.plugins.params import Params
from astro.rehearsal.rehearsable import Machine
from astro.types import Problem

_SPLITS = ("train", "dev", "test")
_Share = Annotated[float, Field(ge=0, le=1)]


class JsonlParams(Params):
    """Either one file at `path`, which is divided into splits, or one file per split."""

    path: Annotated[
        Path | None,
        Field(description="file that is divided; a row's id alone decides on its split"),
    ] = None
    dev_share: Annotated[_Share, Field(description="expected share of `path` in the dev split")] = (
        0.1
    )
    test_share: Annotated[
        _Share, Field(description="expected share of `path` in the test split")
    ] = 0.1
    train: Annotated[Path | None, Field(description="file of training problems")] = None
    dev: Annotated[Path | None, Field(description="file of problems to tune on")] = None
    test: Annotated[Path | None, Field(description="file of held-out problems")] = None
    fields: Fields = Fields()
    answer_in: AnswerIn = "text"
    drop_unanswered: DropUnanswered = False
    where: Where = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_source(self) -> JsonlParams:
        if bool(self.path) == any((self.train, self.dev, self.test)):
            raise ValueError("expected either path, or files for train, dev and test")
        if self.dev_share + self.test_share > 1:
            raise ValueError("dev_share and test_share must not exceed 1 together")
        return self

    def missing_here(self, machine: Machine) -> str:  # noqa: ARG002
        """The first file that is not one of JSON Lines; absent files are not looked for."""
        for path in filter(None, (self.path, self.train, self.dev, self.test)):
            try:
                next(_rows(path), None) if path.is_file() else None
            except ProblemError as error:
                return str(error)
        return ""


class JsonlProblems:
    """The problems in the order of the file. With shares, the split depends on the id alone."""

    def __init__(self, params: JsonlParams, *, answered: bool = True) -> None:
        self._params = params
        self._answered = answered

    def without_answers(self) -> JsonlProblems:
        """The same problems, and those without an answer."""
        return JsonlProblems(self._params, answered=False)

    def load(self, split: str) -> Sequence[Problem]:
        """The problems of `train`, `dev` or `test`. A problem without an id gets its line's number.

        Raises:
            ProblemError: a file or a line cannot be read; the message names it.
        """
        if split not in _SPLITS:
            raise ProblemError(f"no split {split!r}", f"there are {', '.join(_SPLITS)}")
        own: Path | None = getattr(self._params, split)
        path = self._params.path or own
        if path is None:
            raise ProblemError(f"no file for the {split} problems", f"set problems.params.{split}")
        problems = list(_read(path, self._params, self._answered))
        if self._params.path is None:
            return problems
        chosen = [problem for problem in problems if self._split_of(problem.id) == split]
        if problems and not chosen:
            raise ProblemError(
                f"{path}: none of its {len(problems)} problems falls into the split {split}",
                "set a larger share, or give a file for each of train, dev and test",
            )
        return chosen

    def _split_of(self, problem_id: str) -> str:
        digest = blake2b(problem_id.encode("utf-8", "replace"), digest_size=8).digest()
        position = int.from_bytes(digest, "big") / 2**64
        if position < self._params.test_share:
            return "test"
        return "dev" if position < self._params.test_share + self._params.dev_share else "train"


def _read(path: Path, params: JsonlParams, answered: bool) -> Iterator[Problem]:
    places: dict[str, str] = {}
    for place, row in selected(_rows(path), params.where):
        number = place.rpartition(":")[2]
        own = f"{path.stem}-{number}"
        problem = to_problem(row, params.fields, place, own, params.answer_in, answered=answered)
        if problem is None and params.drop_unanswered:
            continue
        if problem is None:
            raise ProblemError(
                f"{place}: no answer in {params.fields.answer} ({params.answer_in})",
                "set problems.params.drop_unanswered: true to skip such rows",
            )
        if problem.id in places:
            raise ProblemError(f"{place}: id {problem.id!r} is taken by line {places[problem.id]}")
        places[problem.id] = number
        yield problem


def _rows(path: Path) -> Iterator[tuple[str, DataRow]]:
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            place = f"{path}:{number}"
            yield place, _row(line, place)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ProblemError(f"{path}: cannot read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ProblemError(f"{path}: not a UTF-8 text file") from None


def _row(line: str, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProblemError(
            f"{where}: not valid JSON: {error}", "a file of JSON Lines holds one object per line"
        ) from None
    if not isinstance(row, dict):
        raise ProblemError(f"{where}: expected an object, got a {type(row).__name__}")
    return row
