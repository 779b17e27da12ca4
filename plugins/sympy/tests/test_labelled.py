"""The marks on labelled answer pairs and hostile outputs, where ../shared/data holds them.

`make bench-verifier` measures more: time, memory, and math-verify beside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from astro.types import Problem
from astro_sympy.verifier import SympyVerifier

Labelled = Callable[[str], Sequence[dict[str, Any]]]
UPSTREAM = (
    "hendrycks_tests",
    "inspect_ai_cases",
    "lighteval_tests",
    "math_verify_",
    "prime_verifiers_tests",
    "qwen_grader_comments",
    "rllm_tests",
    "skythought_tests",
)


@pytest.mark.parametrize(
    ("sources", "least_recall", "most_accepted"),
    [
        (("self_",), 1.0, 0),
        (("cross_", "nearmiss_"), 0.0, 0),
        (("gsm8k_model_solutions", "qwen_math_cot100"), 0.998, 0),
        (("hardverify_math",), 0.75, 1),
        (("math_solution_chains",), 0.98, 0),
        (UPSTREAM, 0.93, 2),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_pairs(
    labelled: Labelled, sources: tuple[str, ...], least_recall: float, most_accepted: int
) -> None:
    pairs = [
        row for row in labelled("verifier_pairs_dev.jsonl") if row["source"].startswith(sources)
    ]
    judged = [(row["equivalent"], _accepts(row, row["candidate"])) for row in pairs]
    right = [accepted for equivalent, accepted in judged if equivalent]
    assert sum(right) >= least_recall * len(right)
    assert sum(accepted for equivalent, accepted in judged if not equivalent) <= most_accepted


def test_hostile_outputs(labelled: Labelled) -> None:
    rows = [row for row in labelled("verifier_hostile_dev.jsonl") if row["expected"] is not None]
    wrong = [row["id"] for row in rows if _accepts(row, _response(row)) != row["expected"]]
    accepted = [row["id"] for row in rows if row["id"] in wrong and not row["expected"]]
    assert len(wrong) <= 0.03 * len(rows), wrong
    assert not accepted


def _accepts(row: dict[str, Any], response: str) -> bool:
    return SympyVerifier().verify(Problem(row["id"], "", row["gold"]), response).correct


def _response(row: dict[str, Any]) -> str:
    parts = row.get("candidate_gen")
    if not parts:
        return str(row["candidate"])
    return str(parts["prefix"] + parts["repeat"] * parts["times"] + parts["suffix"])
