"""Problems from files."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from astro.builtin.jsonl import JsonlParams, JsonlProblems
from astro.errors import ConfigError, ProblemError
from astro.plugins.params import validate
from astro.types import Problem


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "maths.jsonl"


def write(path: Path, *rows: Any) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def row(name: str) -> dict[str, Any]:
    return {"id": name, "prompt": f"What is {name}?", "answer": name}


def test_reads_a_file_for_each_split(file: Path) -> None:
    write(file, {**row("a"), "level": 3}, {"prompt": "1 + 1?", "answer": 2})
    source = JsonlProblems(JsonlParams(test=file))
    assert source.load("test") == [
        Problem("a", "What is a?", "a", {"level": 3}),
        Problem("maths-2", "1 + 1?", "2", {}),
    ]
    with pytest.raises(ProblemError, match=r"no file for the train problems; set .*\.train"):
        source.load("train")


def test_shares_one_file_among_the_splits(file: Path) -> None:
    names = [f"problem {number}" for number in range(1000)]
    write(file, *map(row, names))
    source = JsonlProblems(JsonlParams(path=file, dev_share=0.2, test_share=0.3))
    ids = {split: [p.id for p in source.load(split)] for split in ("train", "dev", "test")}
    assert sorted(chain.from_iterable(ids.values())) == sorted(names)
    assert [len(ids[split]) for split in ids] == pytest.approx([500, 200, 300], abs=50)


def test_a_problem_keeps_its_split_when_the_file_grows(file: Path) -> None:
    write(file, *(row(str(number)) for number in range(100)))
    source = JsonlProblems(JsonlParams(path=file))
    before = {problem.id for problem in source.load("test")}
    write(file, *(row(str(number)) for number in range(200)))
    assert before == {problem.id for problem in source.load("test") if int(problem.id) < 100}


def test_keys_can_be_named(file: Path) -> None:
    write(file, {"unique_id": 7, "problem": "2 * 3?", "solution": "6", "id": "else"})
    fields = {"id": "unique_id", "prompt": "problem", "answer": "solution"}
    (problem,) = JsonlProblems(validate(JsonlParams, {"test": file, "fields": fields})).load("test")
    assert problem == Problem("7", "2 * 3?", "6", {"id": "else"})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[1]", "expected an object, got a list"),
        ('{"id": "b", "prompt": "?"}', "no key 'answer', only id, prompt"),
        ('{"id": "b", "prompt": "?", "answer": ["1"]}', "answer must be text or a number"),
        ('{"id": "b", "prompt": "?", "answer": true}', "answer must be text or a number"),
        ('{"id": "b", "prompt": "", "answer": "1"}', "prompt must be text or a number"),
        ('{"id": "b", "prompt": "?", "answer": null}', "no answer in answer (text)"),
        ('{"id": "a", "prompt": "?", "answer": "1"}', "id 'a' is taken by line 1"),
    ],
)
def test_errors_name_the_file_and_the_line(file: Path, line: str, message: str) -> None:
    file.write_text(f"{json.dumps(row('a'))}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(ProblemError) as caught:
        JsonlProblems(JsonlParams(test=file)).load("test")
    assert str(caught.value).startswith(f"{file}:3: {message}")


def test_files_that_cannot_be_read(file: Path) -> None:
    source = JsonlProblems(JsonlParams(test=file))
    with pytest.raises(ProblemError, match=r"maths\.jsonl: cannot read: No such file"):
        source.load("test")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ProblemError, match="not a UTF-8 text file"):
        source.load("test")
    with pytest.raises(ProblemError, match="no split 'exam'; there are train, dev, test"):
        source.load("exam")


@pytest.mark.parametrize(
    "params",
    [{}, {"path": "a", "test": "b"}, {"path": "a", "dev_share": 0.6, "test_share": 0.5}],
)
def test_contradictory_params_are_config_errors(params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        validate(JsonlParams, params)


def test_filters_and_the_metadata_that_is_kept(file: Path) -> None:
    rows = [{**row(f"{i}"), "level": i, "type": "algebra" if i < 4 else "sums"} for i in range(6)]
    write(file, *rows)
    params = {
        "test": file,
        "where": {"level": ["2", 3, 5], "type": "algebra"},
        "fields": {"metadata": {"subject": "type", "year": "year"}},
    }
    problems = JsonlProblems(validate(JsonlParams, params)).load("test")
    assert [(p.id, p.metadata) for p in problems] == [
        ("2", {"subject": "algebra"}),
        ("3", {"subject": "algebra"}),
    ]
    none = JsonlProblems(validate(JsonlParams, {"test": file, "where": {"levle": 2}}))
    with pytest.raises(ProblemError, match=r"none of 6 rows through; their keys: id, prompt, ans"):
        none.load("test")


def test_a_row_without_an_id_is_named_after_its_line_whatever_is_passed_over(file: Path) -> None:
    write(file, *({"prompt": f"{i}?", "answer": i, "level": i} for i in range(3)))
    (problem,) = JsonlProblems(validate(JsonlParams, {"test": file, "where": {"level": 2}})).load(
        "test"
    )
    assert problem.id == "maths-3"


def test_answers_in_solutions(file: Path) -> None:
    write(file, row("a") | {"answer": r"so \boxed{1}"}, row("b") | {"answer": "by symmetry"})
    params = {"test": file, "answer_in": "boxed"}
    with pytest.raises(ProblemError, match=r"maths\.jsonl:2: no answer in answer \(boxed\)"):
        JsonlProblems(validate(JsonlParams, params)).load("test")
    params |= {"drop_unanswered": True}
    assert [p.answer for p in JsonlProblems(validate(JsonlParams, params)).load("test")] == ["1"]


@pytest.mark.parametrize("answer", ["", None])
def test_an_empty_answer_is_none(file: Path, answer: str | None) -> None:
    write(file, row("a"), row("b") | {"answer": answer})
    params = {"test": file, "drop_unanswered": True}
    assert [p.id for p in JsonlProblems(validate(JsonlParams, params)).load("test")] == ["a"]


def test_a_split_that_no_problem_falls_into_is_named(tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text('{"prompt": "1 + 1", "answer": "2"}\n')
    source = JsonlProblems(JsonlParams(path=path, test_share=0.0))
    with pytest.raises(ProblemError, match="none of its 1 problems falls into the split test"):
        source.load("test")
