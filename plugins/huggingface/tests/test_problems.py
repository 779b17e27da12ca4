"""Problems from datasets that the library reads from a folder, and errors in one line."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets  # type: ignore[import-untyped]
import pytest

from astro.builtin.rows import AnswerIn, answer_of
from astro.errors import ConfigError, ProblemError
from astro.files import encode
from astro.plugins.params import validate
from astro.types import Problem
from astro_huggingface.params import DatasetParams
from astro_huggingface.presets import PRESETS
from astro_huggingface.problems import HuggingFaceProblems

Load = Callable[..., list[Problem]]
Folder = Callable[..., str]
DATA = Path(__file__).parents[4] / "shared" / "data"

MATH = [
    {
        "problem": f"What is {a} + 1?",
        "level": f"Level {a}",
        "type": "Algebra" if a % 2 else "Geometry",
        "solution": rf"First \boxed{{{a}}}, then $\boxed{{\frac{{{a + 1}}}{{1}}}}$ it is.",
    }
    for a in range(1, 6)
]


def test_a_preset_reads_a_folder_in_the_place_of_its_dataset(folder: Folder, load: Load) -> None:
    path = folder(train=MATH, test=MATH[:1])
    problems = load("train", preset="math", dataset=path)
    assert [problem.id for problem in problems] == [f"set-train-{i}" for i in range(5)]
    assert problems[3] == Problem(
        "set-train-3", "What is 4 + 1?", r"\frac{5}{1}", {"level": "Level 4", "subject": "Geometry"}
    )
    assert len(load("test", preset="math", dataset=path)) == 1


def test_filters_keep_the_numbers_of_the_rows(folder: Folder, load: Load) -> None:
    path = folder(train=MATH)
    hard = {"level": ["Level 4", "Level 5"], "type": "Algebra"}
    (problem,) = load("train", preset="math", dataset=path, where=hard)
    assert problem.id == "set-train-4"
    with pytest.raises(ProblemError, match="lets none of 5 rows through; their keys: problem,"):
        load("train", preset="math", dataset=path, where={"level": 9})


def test_gsm8k(folder: Folder, load: Load) -> None:
    rows = [{"question": "How many?", "answer": "6 * 200 = <<6*200=1200>>1200\n#### 1,200"}]
    (problem,) = load("test", preset="gsm8k", dataset=folder(test=rows), config=None)
    assert (problem.prompt, problem.answer) == ("How many?", "1,200")


def test_a_subset_of_numina_passes_over_proofs(folder: Folder, load: Load) -> None:
    rows = [
        {"source": source, "problem": "Prove it?", "solution": solution, "messages": ["m"]}
        for source in ("amc_aime", "orca_math", "aops_forum")
        for solution in (r"so $\boxed{\text{(A) } 3}$", "which was to be shown")
    ]
    path = folder(train=rows)
    (problem,) = load("train", preset="numina_amc_aime", dataset=path)
    assert problem == Problem("set-train-0", "Prove it?", r"\text{(A) } 3", {"source": "amc_aime"})
    assert len(load("train", preset="numina_contests", dataset=path)) == 2
    with pytest.raises(ProblemError, match=r"row 1: no answer in solution \(boxed\); set drop_una"):
        load("train", preset="numina_amc_aime", dataset=path, drop_unanswered=False)


def test_null_answers_are_none_given(folder: Folder, load: Load) -> None:
    rows = [{"prompt": "1?", "answer": None, "level": None}, {"prompt": "2?", "answer": "2"}]
    path = folder(train=rows)
    (problem,) = load("train", dataset=path, drop_unanswered=True)
    assert (problem.prompt, problem.metadata) == ("2?", {})
    with pytest.raises(ProblemError, match="row 0: no answer in answer"):
        load("train", dataset=path)
    optional = HuggingFaceProblems(validate(DatasetParams, {"dataset": path})).without_answers()
    assert [problem.answer for problem in optional.load("train")] == ["", "2"]


def test_a_saved_dataset_and_slices(tmp_path: Path, load: Load) -> None:
    rows = [{"prompt": f"{n}?", "answer": n, "when": datetime.date(2024, 1, n)} for n in (1, 2, 3)]
    saved = datasets.DatasetDict(train=datasets.Dataset.from_list(rows))
    saved.save_to_disk(tmp_path / "saved")
    problems = load("train", dataset=str(tmp_path / "saved"))
    assert problems[1] == Problem("saved-train-1", "2?", "2", {"when": "2024-01-02"})
    assert encode(problems)
    parts = load("dev", dataset=str(tmp_path / "saved"), dev="train[2:]+train[:1]")
    assert [problem.answer for problem in parts] == ["3", "1"]
    saved["train"].save_to_disk(tmp_path / "one")
    assert len(load("train", dataset=str(tmp_path / "one"))) == 3
    (tmp_path / "lines").mkdir()
    lines = "".join(json.dumps({**row, "when": "x"}) + "\n" for row in rows)
    (tmp_path / "lines" / "train.jsonl").write_text(lines)
    sliced = load("dev", dataset=str(tmp_path / "lines"), dev="train[1:]")
    assert [problem.answer for problem in sliced] == ["2", "3"]


def test_what_is_not_there_is_one_line(folder: Folder, load: Load) -> None:
    path = folder(train=MATH)
    for params, expected in (
        ({"dataset": path, "dev": None}, "has no dev problems; set problems.params.dev"),
        ({"dataset": path, "dev": "exam"}, r"set, exam: Unknown split"),
        ({"dataset": path, "dev": "train"}, "row 0: no key 'prompt', only problem, level"),
        ({"dataset": "nobody/nothing", "dev": "train"}, "HF_HUB_OFFLINE allows the cache only"),
    ):
        with pytest.raises(ProblemError, match=expected) as caught:
            load("dev", **params)
        assert "\n" not in str(caught.value)


def test_a_hub_name_offline_ends_a_run_with_2(tmp_path: Path) -> None:
    """In a process of its own, where the library itself reads HF_HUB_OFFLINE."""
    config = {
        "name": "offline",
        "problems": {"name": "huggingface", "params": {"preset": "math"}},
        "policy": {"name": "scripted"},
        "verifier": {"name": "exact"},
        "search": {"name": "mcts"},
        "linearizer": {"name": "direct"},
    }
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-m", "astro", "run", "config.yaml"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    errors = " ".join(done.stderr.split())
    assert "error: dataset DigitalLearningGmbH/MATH-lighteval, test: " in errors
    assert "HF_HUB_OFFLINE allows the cache only: load the dataset once without it" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_stands_alone_and_can_be_overlaid(name: str) -> None:
    params = validate(DatasetParams, {"preset": name, "revision": "main"})
    assert params.dataset == PRESETS[name]["dataset"]
    assert params.revision == "main"
    assert params.train or params.test
    other = validate(DatasetParams, {"preset": name, "fields": {"id": "key"}, "test": None})
    assert (other.fields.id, other.test) == ("key", None)
    assert other.fields.prompt == params.fields.prompt


@pytest.mark.parametrize(
    ("params", "expected"),
    [({}, "dataset: missing"), ({"preset": "maths"}, "no preset 'maths'; did you mean math?")],
)
def test_params_are_checked(params: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        validate(DatasetParams, params)


def test_a_config_is_checked_without_the_library() -> None:
    code = (
        "import sys\nfrom astro.plugins.registry import Registry\n"
        "Registry.discover().params('problems', 'huggingface', {'preset': 'math'})\n"
        "assert 'datasets' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(not DATA.exists(), reason="no shared/data beside the repository")
@pytest.mark.parametrize("name", ["math500", "math_train", "gsm8k_test"])
def test_references_are_those_that_were_published(name: str) -> None:
    """The answer that is read out of a solution is the one published beside it."""
    rows = [json.loads(line) for line in (DATA / f"{name}.jsonl").open(encoding="utf-8")]
    form: AnswerIn = "hashes" if name == "gsm8k_test" else "boxed"
    read = [answer_of(row["solution"], form) for row in rows]
    assert read == [row["answer"].strip() for row in rows]


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet"])
def test_a_single_file_is_a_dataset(tmp_path: Path, load: Load, suffix: str) -> None:
    path = tmp_path / f"q.{suffix}"
    rows = datasets.Dataset.from_list([{"prompt": f"{a} + 1?", "answer": a + 1} for a in range(4)])
    getattr(rows, f"to_{suffix}")(path)
    assert [problem.answer for problem in load("train", dataset=str(path))] == list("1234")
    assert len(load("test", dataset=str(path), test="train[:50%]")) == 2


def test_a_missing_file_is_not_looked_for_on_the_hub(tmp_path: Path, load: Load) -> None:
    with pytest.raises(ProblemError, match=r"^there is no file .*q\.csv$"):
        load("train", dataset=str(tmp_path / "q.csv"))


def test_a_file_of_another_kind_is_one_line(tmp_path: Path, load: Load) -> None:
    (tmp_path / "q.docx").write_text("?")
    with pytest.raises(ProblemError, match=r"expected a file that ends in \.csv, \.json"):
        load("train", dataset=str(tmp_path / "q.docx"))
