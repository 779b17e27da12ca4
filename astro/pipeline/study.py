"""Runs every arm of a study at every seed, and compares them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from astro import pipeline
from astro.config import RunConfig
from astro.events import Listener, Notice, ignore
from astro.files import read_lines, write_json
from astro.folder import RunFolder
from astro.interfaces import StepFormat
from astro.pipeline import sft
from astro.pipeline.comparison import StudyResult, compare
from astro.pipeline.evaluate import Measured
from astro.registry import Registry
from astro.study import Study


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
            _held_to(reference, config) if beside else config,
            runs=reference.root.parent,
            fresh=fresh,
            until=until,
            trees=reference.trees if beside and study.shares_trees(arm) else None,
            on_event=on_event,
        )
    if until not in (None, "evaluate", "report"):
        return None
    result = compare_arms(study, runs)
    write_json(runs / study.name / "results.json", {study.name: result})
    return result


def _held_to(reference: RunFolder, config: RunConfig) -> RunConfig:
    """An arm's config at the reference's SFT tokens; the base model is measured only there."""
    models = tuple(model for model in config.evaluate.models if model != "base")
    evaluate = config.evaluate.model_copy(update={"models": models})
    metrics = reference.training_metrics("sft")
    tokens = sft.trained_tokens(metrics) if metrics.exists() else None
    return config.model_copy(update={"evaluate": evaluate, "sft_tokens": tokens})


def compare_arms(study: Study, runs: Path) -> StudyResult:
    """Set the responses of all arms and seeds side by side."""
    config = study.arms[study.reference]
    step_format: StepFormat = Registry.discover().build("step_format", config.step_format)
    measured = {seed: dict(_models(study, runs, seed)) for seed in study.seeds}
    best = "rl" if config.rl else "sft"
    return compare(measured, step_format, f"{study.reference}_{best}")


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
