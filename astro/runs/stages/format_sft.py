"""Stage 0, optional: teach the policy's model the step format, on the problems' own solutions.

A pretrained model that does not write in the step format solves next to nothing, so a search has
nothing to find. The model that this stage trains is the base model of the run: it is searched with,
both arms are fine-tuned from it, and what they gain is measured against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from astro.config.run import BASE, RunConfig
from astro.data.problem_sets import SOLUTION, with_prompt
from astro.errors import ConfigError, ProblemError
from astro.interfaces import (
    Parsing,
    ProblemSolver,
    ProblemSource,
    SFTJob,
    SFTTrainer,
    StepFormat,
)
from astro.runs.context import RunContext
from astro.runs.folder import RunFolder
from astro.runs.stages.linearize import trace_row
from astro.runs.stages.sft import train
from astro.seeds import derive
from astro.types import Problem, Segment, Status, Trace, Verdict

STAGE = "format_sft"


@dataclass(frozen=True, slots=True)
class FormatSFTStage:
    """Trains base/model from the policy's model on the solutions in format_traces.jsonl."""

    params: None
    name: str
    config: RunConfig
    needs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def outputs(self, folder: Path) -> list[Path]:
        """The solutions, and the metrics that are written when the training ends."""
        run = RunFolder(folder)
        return [run.format_traces, run.training_metrics(BASE)]

    def run(self, run: RunContext) -> None:
        """Write the solutions as traces, and fine-tune on them.

        Raises:
            ProblemError: A problem comes without a solution.
            AstroError: The training failed.
        """
        binding = run.config.format_sft
        if binding is None:
            raise ConfigError(["format_sft: missing"])
        if not run.folder.format_traces.exists():
            source: ProblemSource = run.registry.build("problems", run.config.problems)
            rows = list(_rows(run.taught_problems(), source, run.step_format()))
            run.folder.write_lines(run.folder.format_traces, rows)
        job = SFTJob(
            run.folder.format_traces,
            model=run.config.policy.params.get("model", ""),
            run_dir=run.folder.training(BASE),
            seed=derive(run.config.seed, STAGE),
            tokens=binding.tokens,
            prompt=run.prompt(),
        )
        trainer: SFTTrainer = run.registry.build("sft", binding)
        train(run, trainer, job, STAGE, run.folder.training_metrics(BASE))


def _rows(
    problems: list[Problem], source: ProblemSource, step_format: StepFormat
) -> Iterator[dict[str, object]]:
    """The rows of format_traces.jsonl: one trace for each problem, of its own solution."""
    for problem in problems:
        solution = _solution(problem, source)
        steps = [solution]
        if isinstance(step_format, Parsing):
            steps = [part.text for part in step_format.parts(solution)]
        segments = tuple(Segment(step, node) for node, step in enumerate(steps, 1))
        trace = Trace(problem, segments, Verdict(Status.CORRECT, problem.answer))
        yield trace_row(trace, 0, with_prompt(problem, step_format, shots=False))


def _solution(problem: Problem, source: ProblemSource) -> str:
    """The solution that the source knows, or that the problem's metadata has."""
    if isinstance(source, ProblemSolver):
        return source.solution(problem)
    solution = problem.metadata.get(SOLUTION)
    if not isinstance(solution, str) or not solution.strip():
        raise ProblemError(
            f"format_sft: problem {problem.id!r} comes without a solution",
            f"give one as {SOLUTION!r}, or leave out format_sft",
        )
    return solution
