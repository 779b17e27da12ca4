"""Runs every arm of a study at every seed, and compares them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

from msgspec import Struct

from astro import pipeline
from astro.binding import Budget
from astro.events import Listener, Notice, ignore
from astro.files import read_lines, write_json
from astro.folder import RunFolder, discard
from astro.interfaces import StepFormat
from astro.metrics import pearson
from astro.pipeline import sft
from astro.pipeline.comparison import Correlation, StudyResult, compare
from astro.pipeline.context import Run
from astro.pipeline.evaluate import Measured
from astro.pipeline.inference import STAGE, Searched, search_at_inference
from astro.registry import Registry
from astro.study import Study


class _Step(Struct):
    """What is read of a step's metrics."""

    pass_rate: float
    backtracks: float


def run_study(
    study: Study,
    *,
    runs: str | Path = "runs",
    fresh: bool = False,
    until: str | None = None,
    on_event: Listener = ignore,
) -> StudyResult | None:
    """Run all arms, and write `runs/<study>/results.json`; None if `until` ends them before.

    A study that was ended at any moment goes on from there. Raises `AstroError`.
    """
    runs = Path(runs)
    if fresh:
        discard(runs / study.name)
    for seed, arm, config in study.runs():
        on_event(Notice(f"{study.name}: seed {seed}, arm {arm}"))
        reference = RunFolder(study.folder(runs, seed, study.reference))
        beside = arm != study.reference
        pipeline.run(
            config,
            runs=reference.root.parent,
            until=until,
            trees=reference.trees if beside and study.shares_trees(arm) else None,
            sft_tokens=sft.trained_tokens(reference.training_metrics("sft")) if beside else None,
            on_event=on_event,
        )
    if until not in (None, "evaluate", "report"):
        return None
    result = compare_arms(study, runs, on_event)
    write_json(runs / study.name / "results.json", {study.name: result})
    return result


def compare_arms(study: Study, runs: Path, on_event: Listener = ignore) -> StudyResult:
    """Set the responses of all arms and seeds side by side, and what is measured beside them."""
    config = study.arms[study.reference]
    step_format: StepFormat = Registry.discover().build("step_format", config.step_format)
    measured = {seed: dict(_models(study, runs, seed)) for seed in study.seeds}
    compared = compare(measured, step_format, f"{study.reference}_{'rl' if config.rl else 'sft'}")
    budgets = {matched.seed: round(matched.reference_tokens) for matched in compared.matched}
    opened = partial(pipeline.opened, runs=runs / study.name / STAGE, on_event=on_event)
    return replace(
        compared,
        searched=list(_searched(study, budgets, opened)),
        correlations=list(_correlations(study, runs)),
    )


def _searched(
    study: Study, budgets: Mapping[int, int], opened: Callable[..., AbstractContextManager[Run]]
) -> Iterator[Searched]:
    """The search at inference of each seed, with its budget of tokens."""
    if study.inference is None:
        return
    for seed, tokens in budgets.items():
        own = {"name": f"seed-{seed}", "seed": seed, "budget": Budget(tokens=tokens)}
        with opened(study.inference.model_copy(update=own)) as run:
            run.on_event(Notice(f"{study.name}: seed {seed}, search at inference"))
            yield search_at_inference(run)


def _correlations(study: Study, runs: Path) -> Iterator[Correlation]:
    """Of accuracy and backtracks over the steps of RL, where both vary."""
    for seed, arm, _ in study.runs():
        path = RunFolder(study.folder(runs, seed, arm)).training("rl") / "metrics.jsonl"
        steps = list(read_lines(path, _Step)) if path.exists() else []
        r = pearson([step.pass_rate for step in steps], [step.backtracks for step in steps])
        if r is not None:
            yield Correlation(seed, f"{arm}_rl", len(steps), r)


def _models(study: Study, runs: Path, seed: int) -> Iterator[tuple[str, list[Measured]]]:
    """`base`, then `<arm>_sft` and `<arm>_rl` of each arm, as far as they were measured."""
    for arm in study.arms:
        folder = RunFolder(study.folder(runs, seed, arm))
        for model in ("base", "sft", "rl"):
            path = folder.samples(model)
            if path.exists():
                name = model if model == "base" else f"{arm}_{model}"
                yield name, list(read_lines(path, Measured))
