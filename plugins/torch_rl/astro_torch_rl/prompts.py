"""Which problems to train on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

from astro.errors import TrainingError
from astro.files import read_json, write_json
from astro.seeds import derive
from astro.types import Problem
from astro_torch_rl.params import TrainParams
from astro_torch_rl.rollouts import Sampler, check

FILE = "prompts.json"


def teachable(
    problems: Sequence[Problem], sampler: Sampler, params: TrainParams, run_dir: Path
) -> list[Problem]:
    """The problems that the start model sometimes solves: pass rate in [min, max] of the params.

    `sampler` must hold the start model. At most `filter_prompts` problems are measured, and what
    was found is kept in `run_dir`, where the next call reads it. Raises `TrainingError` if no
    problem is left.
    """
    if not params.filter_samples:
        return list(problems)
    file = run_dir / FILE
    if not file.exists():
        rates = _measure(problems, sampler, params)
        write_json(file, {"pass_rates": rates})
    rates = read_json(file, dict[str, dict[str, float]])["pass_rates"]
    low, high = params.min_pass_rate, params.max_pass_rate
    kept = [problem for problem in problems if low <= rates.get(problem.id, -1.0) <= high]
    if not kept:
        raise TrainingError(
            f"none of {len(rates)} problems has a pass rate in [{low:g}, {high:g}]"
            f" (mean {sum(rates.values()) / max(len(rates), 1):.3f})",
            "train a better start model, take easier problems, or set rl.params.filter_samples=0",
        )
    return kept


def _measure(
    problems: Sequence[Problem], sampler: Sampler, params: TrainParams
) -> dict[str, float]:
    rng = Random(derive(sampler.seed, "filter"))
    chosen = rng.sample(list(problems), min(params.filter_prompts, len(problems)))
    rollouts = sampler.sample("filter", chosen, params.filter_samples)
    check(rollouts)
    return {group.problem.id: group.pass_rate for group in rollouts.groups}


def shuffled(problems: Sequence[Problem], seed: int, step: int) -> list[Problem]:
    """The order in which one step takes problems: a function of the seed and the step."""
    return Random(derive(seed, "prompts", step)).sample(list(problems), len(problems))
