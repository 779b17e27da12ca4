"""Runs every arm of a study at every seed, and compares them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from msgspec import Struct

from astro import pipeline
from astro.config import RunConfig
from astro.events import Listener, Notice, ignore
from astro.files import read_lines, write_json
from astro.folder import RunFolder
from astro.interfaces import StepFormat
from astro.metrics import pearson
from astro.pipeline import sft
from astro.pipeline.comparison import Correlation, Models, StudyResult, compare, response_tokens
from astro.pipeline.evaluate import Measured
from astro.pipeline.inference import Searched, search_at_inference
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
    for seed, arm, config in study.runs():
        on_event(Notice(f"{study.name}: seed {seed}, arm {arm}"))
        reference = RunFolder(study.folder(runs, seed, study.reference))
        beside = arm != study.reference
        pipeline.run(
            _without_base(config) if beside else config,
            runs=reference.root.parent,
            fresh=fresh,
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


def _without_base(config: RunConfig) -> RunConfig:
    """The base model is measured in the reference alone."""
    models = tuple(model for model in config.evaluate.models if model != "base")
    evaluate = config.evaluate.model_copy(update={"models": models})
    return config.model_copy(update={"evaluate": evaluate})


def compare_arms(study: Study, runs: Path, on_event: Listener = ignore) -> StudyResult:
    """Set the responses of all arms and seeds side by side, and what is measured beside them."""
    config = study.arms[study.reference]
    step_format: StepFormat = Registry.discover().build("step_format", config.step_format)
    measured = {seed: dict(_models(study, runs, seed)) for seed in study.seeds}
    best = f"{study.reference}_{'rl' if config.rl else 'sft'}"
    return replace(
        compare(measured, step_format, best),
        searched=list(_searched(study, runs, measured, best, on_event)),
        correlations=list(_correlations(study, runs)),
    )


def _searched(
    study: Study, runs: Path, measured: Mapping[int, Models], best: str, on_event: Listener
) -> Iterator[Searched]:
    """At each seed the search at inference with as many tokens as a response of `best` has."""
    for seed, models in measured.items():
        if study.inference is None or best not in models:
            continue
        on_event(Notice(f"{study.name}: seed {seed}, search at inference"))
        search = study.inference.model_copy(update={"seed": seed})
        config = study.config(seed, study.reference)
        folder = study.folder(runs, seed, study.reference)
        with pipeline.opened(config, runs=folder.parent, on_event=on_event) as run:
            yield search_at_inference(
                replace(run, config=search), round(response_tokens(models[best]))
            )


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
                yield (
                    model if model == "base" else f"{arm}_{model}",
                    list(read_lines(path, Measured)),
                )
