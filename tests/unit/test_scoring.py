"""What scoring keeps of an evaluated model in memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from astro.builtin.lines import LinesFormat, LinesParams
from astro.engine.sampling import Sample
from astro.files import read_lines, write_lines
from astro.runs.scoring import EvaluatedProblem, scored
from astro.types import FinishReason, Problem, Status, Verdict


def test_scoring_keeps_no_text_and_no_token_of_a_response(tmp_path: Path) -> None:
    path = tmp_path / "base.jsonl"
    tokens = 2_000
    sample = Sample(
        "a line of thought\n" * 200,
        tuple(range(tokens)),
        (-0.25,) * tokens,
        FinishReason.EOS,
        Verdict(Status.CORRECT, "1"),
    )
    problems = (Problem(str(i), "q" * 1_000, "1") for i in range(100))
    write_lines(path, (EvaluatedProblem(problem, [sample] * 4, []) for problem in problems))
    step_format = LinesFormat(LinesParams())
    tracemalloc.start()
    rows = [scored(row, step_format) for row in read_lines(path, EvaluatedProblem)]
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(rows), rows[0].samples[0].tokens) == (100, tokens)
    assert kept < path.stat().st_size / 50
    assert peak < path.stat().st_size / 5
