"""The sample responses of a report."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from astro.engine.sampling import Sample
from astro.files import write_lines
from astro.runs.folder import RunFolder
from astro.runs.scoring import EvaluatedProblem
from astro.runs.stages.report import _first
from astro.types import FinishReason, Problem, Status, Verdict
from astro_countdown.step_format import CountdownFormat

PROBLEM = Problem("a", "use 3 5 8 to make 16", "16", {"numbers": [3, 5, 8], "target": 16})
WALK = "3 + 5 = 8 left 8 8\n8 + 8 = 16 left 16\nanswer 16\n"


def test_a_correct_sample_with_an_illegal_line_says_so(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    run: Any = SimpleNamespace(folder=folder, evaluated=lambda: ["base", "sft"])
    for text, status in (
        (WALK, "correct"),
        (f"3 + 5 = 9 left 9 8\nback to 3 5 8\n{WALK}", "correct, with an illegal line"),
    ):
        sample = Sample(text, (), (), FinishReason.STOP, Verdict(Status.CORRECT, "16"))
        write_lines(folder.samples("base"), [EvaluatedProblem(PROBLEM, [sample], [])])
        found = _first(run, "base", CountdownFormat(), backtracked=False)
        assert found is not None
        assert found.status == status
