"""Scores the responses of a run again with inspect_ai, as a cross-check of eval/scores.json.

inspect eval task.py -T run=runs/math-eval -T evaluation_set=math500 --model mockllm/model

No model is called. Each problem is a sample and each of its responses an epoch, so that inspect's
accuracy is pass@1. The intervals of eval/scores.json are 1.96 of its standard errors each way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput
from inspect_ai.scorer import (
    CORRECT,
    INCORRECT,
    Score,
    Scorer,
    Target,
    accuracy,
    math,
    scorer,
    stderr,
)
from inspect_ai.solver import Generate, Solver, TaskState, solver

from astro.files import read_lines
from astro.plugins.binding import VerifierBinding
from astro.requests import Verify
from astro.runs.scoring import EvaluatedProblem
from astro.types import Problem, Verdict
from astro.verification.pool import VerifierPool

Key = tuple[str, int]
"""A problem's id in its set, and the number of the response, from 1, as inspect counts epochs."""


@task
def responses(run: str, evaluation_set: str = "", of: str = "base") -> Task:
    """The responses of model `of` in the folder `run`, to all sets or to one.

    Raises:
        ValueError: There are none, or problems have different numbers of responses.
    """
    measured = [
        row
        for row in read_lines(Path(run) / "eval" / f"{of}.jsonl", EvaluatedProblem)
        if evaluation_set in ("", row.evaluation_set)
    ]
    counts = {len(row.samples) for row in measured}
    if len(counts) != 1:
        sets = ", ".join(sorted({row.evaluation_set for row in measured})) or "none"
        raise ValueError(f"expected as many responses to each problem; sets: {sets}")
    texts = {
        (_id(row), epoch): sample.text
        for row in measured
        for epoch, sample in enumerate(row.samples, 1)
    }
    config = yaml.safe_load((Path(run) / "config.yaml").read_text(encoding="utf-8"))
    problems = {_id(row): row.problem for row in measured}
    verifier = VerifierBinding.model_validate(config["verifier"])
    return Task(
        dataset=MemoryDataset([_sample(row) for row in measured], name=evaluation_set or of),
        solver=recorded(texts),
        scorer=[astro_verifier(judged(problems, texts, verifier)), math()],
        epochs=counts.pop(),
    )


def judged(
    problems: Mapping[str, Problem], texts: Mapping[Key, str], verifier: VerifierBinding
) -> dict[Key, Verdict]:
    """A new verdict on each response from the run's verifier, in a pool of its own."""
    keys = list(texts)
    verdicts: dict[int, Verdict] = {}
    with VerifierPool(verifier) as pool:
        for ticket, key in enumerate(keys):
            pool.add(ticket, Verify(problems[key[0]], texts[key]))
        while len(verdicts) < len(keys):
            verdicts |= dict(pool.step(block=True))
    return {key: verdicts[ticket] for ticket, key in enumerate(keys)}


@solver
def recorded(texts: Mapping[Key, str]) -> Solver:
    """A solver that replays the responses of the run's policy."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:  # noqa: ARG001
        text = texts[str(state.sample_id), state.epoch]
        state.output = ModelOutput.from_content("recorded", text)
        return state

    return solve


@scorer(metrics=[accuracy(), stderr()])
def astro_verifier(verdicts: Mapping[Key, Verdict]) -> Scorer:
    """Scores by ASTRO's verifier."""

    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001
        verdict = verdicts[str(state.sample_id), state.epoch]
        return Score(
            value=CORRECT if verdict.correct else INCORRECT,
            answer=verdict.answer,
            explanation=verdict.reason or verdict.status.value,
        )

    return score


def _sample(row: EvaluatedProblem) -> Sample:
    kept: Sequence[str] = ("level", "subject")
    metadata = {key: row.problem.metadata[key] for key in kept if key in row.problem.metadata}
    return Sample(
        row.prompt or row.problem.prompt,
        target=row.problem.answer,
        id=_id(row),
        metadata={**metadata, "evaluation_set": row.evaluation_set},
    )


def _id(row: EvaluatedProblem) -> str:
    return f"{row.evaluation_set}/{row.problem.id}"
