"""The selection of problems to train on, and their order."""

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


def filter_by_pass_rate(
    problems: Sequence[Problem], sampler: Sampler, params: TrainParams, run_dir: Path
) -> list[Problem]:
    """Return the problems whose pass rate under the start model lies within the params' bounds.

    `sampler` must sample from the start model. At most `filter_prompts` problems are measured. The
    pass rates are kept in `run_dir`, from which the next call reads them.

    Raises:
        TrainingError: No problem is left.
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
    """Return the order in which a step takes problems; it depends on the seed and the step only."""
    return Random(derive(seed, "prompts", step)).sample(list(problems), len(problems))
