"""The file of prompts: how many rows, in which order, and what a row holds."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from astro.files import read_lines
from astro.plugins.models import checkpoint
from astro.types import Problem
from astro_openrlhf.prompts import PromptWriter
from astro_openrlhf.rollouts import write_prompts

Row = dict[str, str]


@pytest.fixture
def writer() -> PromptWriter:
    return PromptWriter(checkpoint("tiny-countdown"))


def write(path: Path, problems: list[Problem], writer: PromptWriter, rows: int) -> list[Row]:
    write_prompts(path, problems, writer, rows=rows, seed=3)
    return list(read_lines(path, Row))


def ids(rows: list[Row]) -> list[str]:
    return [msgspec.json.decode(row["label"], type=Problem).id for row in rows]


def test_a_row_holds_the_prompt_and_the_whole_problem(
    tmp_path: Path, problems: list[Problem], writer: PromptWriter
) -> None:
    (row,) = write(tmp_path / "data.jsonl", problems[:1], writer, 1)
    assert row["prompt"] == problems[0].prompt + "\n"
    assert msgspec.json.decode(row["label"], type=Problem) == problems[0]


def test_each_pass_has_all_problems_in_its_own_order(
    tmp_path: Path, problems: list[Problem], writer: PromptWriter
) -> None:
    found = ids(write(tmp_path / "data.jsonl", problems, writer, 100))
    first, second, rest = found[:40], found[40:80], found[80:]
    assert sorted(first) == sorted(second) == sorted(problem.id for problem in problems)
    assert first != second
    assert len(set(rest)) == 20


def test_the_same_seed_gives_the_same_file(
    tmp_path: Path, problems: list[Problem], writer: PromptWriter
) -> None:
    one, other = (write(tmp_path / name, problems, writer, 50) for name in ("a", "b"))
    assert one == other


def test_the_longest_prompt(tmp_path: Path, problems: list[Problem], writer: PromptWriter) -> None:
    longest = write_prompts(tmp_path / "data.jsonl", problems, writer, rows=1, seed=0)
    assert longest == max(len(writer.ids(problem.prompt + "\n")) for problem in problems)
