"""A rehearsal: every stage and seam of a config, here, in minutes, with whatever stands in."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from astro.config.run import EvaluationSet, RunConfig
from astro.errors import ProblemError, RunError
from astro.events import Listener, Notice, StageProgress, StageStarted, ignore
from astro.experiments.rounds import run_rounds
from astro.experiments.study import Study, run_study
from astro.interfaces import SFTJob, SFTTrainer
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro.rehearsal.lessons import first_problems, write_lessons, write_problems
from astro.rehearsal.machine import this_machine
from astro.rehearsal.stand_ins import Machine, Materials, Prepared, prepare
from astro.runs import runner as pipeline

_TEACHER = Binding(
    name="transformers",
    params={"epochs": 80, "learning_rate": 5e-3, "batch_size": 12, "device": "cpu"},
)


_INFERENCE = "search at inference"
"""No arm can be named so."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What was rehearsed, by arm, and where."""

    folder: Path
    arms: dict[str, Prepared]


def rehearse(
    config: RunConfig | Study,
    *,
    runs: Path,
    until: str | None = None,
    on_event: Listener = ignore,
    machine: Machine | None = None,
) -> Rehearsed:
    """Run `config` in `runs/rehearsal-<name>`, from the start. Raises `AstroError`.

    Where the config's own model is there and solves none of the few problems, all is done again
    with one that was taught them.
    """
    machine = machine or this_machine()
    folder = runs / f"rehearsal-{config.name}"
    arms = _arms(config)
    prepared = _prepared(arms, folder, machine, on_event)
    go_on = partial(_run, config, folder / config.name, on_event)
    taught = any(arm.family for arm in prepared.values())
    try:
        go_on(prepared, until)
    except RunError:
        if taught or not _unsolved(folder / config.name):
            raise
    if not taught and _unsolved(folder / config.name):
        on_event(Notice("no tree was solved: once more, with a model that is taught to"))
        prepared = _prepared(arms, folder, replace(machine, model=lambda _: False), on_event)
        go_on(prepared, until)
    return Rehearsed(folder, prepared)


def _arms(config: RunConfig | Study) -> dict[str, RunConfig]:
    """By name; a study's search at inference is one too, though it is no run of its own."""
    if isinstance(config, RunConfig):
        return {config.name: config}
    inference = {_INFERENCE: config.inference} if config.inference else {}
    return {**config.arms, **inference}


def _run(
    config: RunConfig | Study,
    folder: Path,
    on_event: Listener,
    prepared: Mapping[str, Prepared],
    until: str | None,
) -> None:
    """The prepared configs as the run, or the study of one seed, that `config` is."""
    arms = {arm: prepared[arm].config for arm in prepared}
    inference = arms.pop(_INFERENCE, None)
    how: dict[str, Any] = {"runs": folder.parent, "fresh": True, "until": until}
    if isinstance(config, Study):
        study = Study(config.name, arms, config.seeds[:1], inference)
        run_study(study, **how, on_event=on_event)
    elif config.rounds:
        run_rounds(arms[config.name], **how, on_event=on_event)
    else:
        pipeline.run(arms[config.name], **how, on_event=on_event)


def _prepared(
    arms: Mapping[str, RunConfig], folder: Path, machine: Machine, on_event: Listener
) -> dict[str, Prepared]:
    """The arms as they can be rehearsed, and in `folder` the materials that they share."""
    registry = Registry.discover()
    first = next(iter(arms.values()))
    splits = _splits(arms.values())
    problems, why = first_problems(registry, first.problems, splits)
    sets = {}
    for name, (held, split) in _sets(arms.values()).items():
        found, sets[name] = first_problems(registry, held, (split,))
        problems[f"set-{name}"] = found[split]
    materials = Materials(folder / "_given", splits, why, sets)
    shutil.rmtree(materials.folder, ignore_errors=True)
    write_problems(materials, problems)
    prepared = {arm: prepare(run, registry, machine, materials) for arm, run in arms.items()}
    config = next(iter(prepared.values())).config
    family = next((arm.family for arm in prepared.values() if arm.family), None)
    if family or why:
        step_format = registry.build("step_format", config.step_format)
        solved = write_lessons(materials, problems, config.verifier, step_format)
        if why and not solved:
            raise ProblemError(f"{why}; and {config.verifier.name} cannot judge problems of ours")
        total = sum(map(len, problems.values()))
        on_event(Notice(f"the verifier takes a known answer to {solved} of {total} problems"))
    if family:
        _teach(registry, materials, family, on_event)
    return prepared


def _splits(configs: Collection[RunConfig]) -> tuple[str, ...]:
    """Those of the problems that are needed, `train` first."""
    evaluated = [run.evaluate.split for run in configs if not run.evaluate.sets]
    rounds = [run.rounds.split for run in configs if run.rounds]
    return tuple(dict.fromkeys(["train", *evaluated, *rounds]))


def _sets(configs: Collection[RunConfig]) -> dict[str, tuple[EvaluationSet, str]]:
    """Every evaluation set and its split by name, the first of each name."""
    found = dict[str, tuple[EvaluationSet, str]]()
    for run in configs:
        for name, held in run.evaluate.sets.items():
            found.setdefault(name, (held, held.split or run.evaluate.split))
    return found


def _teach(registry: Registry, materials: Materials, family: str, on_event: Listener) -> None:
    """Train the random model on the lessons, with the trainer that SFT runs on here."""
    trainer: SFTTrainer = registry.build("sft", _TEACHER)
    on_event(StageStarted("lessons", 0, "steps"))
    trainer.train(
        SFTJob(materials.lessons, family, materials.model.parent, seed=0),
        lambda done, total, m: on_event(StageProgress("lessons", done, total, m)),
    )


def _unsolved(folder: Path) -> bool:
    """Whether a run in it has no trace."""
    return any(not path.stat().st_size for path in folder.rglob("traces.jsonl"))
