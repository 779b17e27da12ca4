"""Rehearse a config: run all of its stages on this machine in minutes, with stand-ins."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from astro.config.run import EvaluationSet, RunConfig
from astro.errors import ProblemError, RunError
from astro.events import Listener, Notice, StageFinished, StageProgress, StageStarted, ignore
from astro.experiments.loading import Loaded
from astro.experiments.searches import Comparison
from astro.experiments.study import Study
from astro.interfaces import SFTJob, SFTTrainer
from astro.plugins.binding import PromptConfig
from astro.plugins.registry import Registry
from astro.rehearsal.lessons import first_problems, write_lessons, write_problems
from astro.rehearsal.machine import this_machine
from astro.rehearsal.materials import Materials
from astro.rehearsal.prepare import Prepared, prepare
from astro.rehearsal.rehearsable import Machine
from astro.rehearsal.stand_ins import Teacher
from astro.runs.listeners import broadcast

_INFERENCE = "search at inference"
"""The key of a study's search at inference among its arms; no arm can have this name."""


@dataclass(frozen=True, slots=True)
class RehearsalResult:
    """The folder of a rehearsal, and the prepared config of each arm, or of the one run."""

    folder: Path
    arms: dict[str, Prepared]


def rehearse(
    loaded: Loaded,
    *,
    runs: Path,
    until: str | None = None,
    on_event: Listener = ignore,
    machine: Machine | None = None,
) -> RehearsalResult:
    """Run `loaded` in `runs/rehearsal-<name>`, from the start.

    If the config's own model is on this machine but solves none of the few problems, the rehearsal
    is repeated with a small model that is taught to solve them.

    Raises:
        AstroError: a part cannot be replaced, or a stage failed.
    """
    machine, registry = machine or this_machine(), Registry.discover()
    on_event = broadcast(on_event, registry)
    folder = runs / f"rehearsal-{loaded.name}"
    arms = _arms(loaded)
    prepared = _prepared(arms, folder, machine, registry, on_event)
    run = partial(_run, loaded, folder / loaded.name, registry=registry, on_event=on_event)
    taught = any(arm.teacher for arm in prepared.values())
    try:
        run(prepared, until)
    except RunError:
        if taught or not _unsolved(folder / loaded.name):
            raise
    if not taught and _unsolved(folder / loaded.name):
        on_event(Notice("no tree was solved: once more, with a model that is taught to"))
        bare = replace(machine, model=lambda _: False)
        prepared = _prepared(arms, folder, bare, registry, on_event)
        run(prepared, until)
    return RehearsalResult(folder, prepared)


def _arms(loaded: Loaded) -> dict[str, RunConfig]:
    """The config of each arm or search by name, with a study's search at inference as one more."""
    if isinstance(loaded, Comparison):
        return dict(loaded.searches)
    if not isinstance(loaded, Study):
        return {loaded.name: loaded.config}
    inference = {_INFERENCE: loaded.inference} if loaded.inference else {}
    return {**loaded.arms, **inference}


def _run(
    loaded: Loaded,
    folder: Path,
    prepared: Mapping[str, Prepared],
    until: str | None,
    *,
    registry: Registry,
    on_event: Listener,
) -> None:
    """Run the prepared configs as what `loaded` is: one run, rounds, or else with one seed."""
    arms = {arm: prepared[arm].config for arm in prepared}
    inference = arms.pop(_INFERENCE, None)
    small: Loaded
    if isinstance(loaded, Study):
        small = Study(loaded.name, arms, loaded.seeds[:1], inference, registry)
    elif isinstance(loaded, Comparison):
        small = replace(loaded, searches=arms, budgets=loaded.budgets[:1], seeds=loaded.seeds[:1])
    else:
        small = type(loaded)(arms[loaded.name], registry)
    small.run(runs=folder.parent, fresh=True, until=until, on_event=on_event)


def _prepared(
    arms: Mapping[str, RunConfig],
    folder: Path,
    machine: Machine,
    registry: Registry,
    on_event: Listener,
) -> dict[str, Prepared]:
    """Prepare each arm, and write the materials that they share into `folder`."""
    first = next(iter(arms.values()))
    splits = _splits(arms.values())
    problems, why = first_problems(registry, first.problems, splits)
    sets = {}
    for name, (held_out, split) in _sets(arms.values()).items():
        found, sets[name] = first_problems(registry, held_out, (split,))
        problems[f"set-{name}"] = found[split]
    materials = Materials(folder / "_given", splits, why, sets)
    shutil.rmtree(materials.folder, ignore_errors=True)
    write_problems(materials, problems)
    prepared = {arm: prepare(run, registry, machine, materials) for arm, run in arms.items()}
    config = next(iter(prepared.values())).config
    teacher = next((arm.teacher for arm in prepared.values() if arm.teacher), None)
    if teacher or why:
        step_format = registry.build("step_format", config.step_format)
        solved = write_lessons(materials, problems, config.verifier, step_format)
        if why and not solved:
            raise ProblemError(f"{why}; and {config.verifier.name} cannot judge problems of ours")
        total = sum(map(len, problems.values()))
        on_event(Notice(_accepted(solved, total)))
    if teacher:
        _teach(registry, materials, teacher, config.prompt, on_event)
    return prepared


def _accepted(solved: int, total: int) -> str:
    """For how many problems the verifier accepts a response that the rehearsal can write."""
    line = (
        f"the verifier accepts the reference answer in one of our wordings, or a known solution, "
        f"for {solved} of {total} problems"
    )
    return line if solved == total else f"{line}; the others cannot be solved in this rehearsal"


def _splits(configs: Collection[RunConfig]) -> tuple[str, ...]:
    """The splits of the problems that the configs use, `train` first."""
    evaluated = [run.evaluate.split for run in configs if not run.evaluate.sets]
    rounds = [run.rounds.split for run in configs if run.rounds]
    return tuple(dict.fromkeys(["train", *evaluated, *rounds]))


def _sets(configs: Collection[RunConfig]) -> dict[str, tuple[EvaluationSet, str]]:
    """Each evaluation set and its split by name; of sets with one name, the first."""
    found = dict[str, tuple[EvaluationSet, str]]()
    for run in configs:
        for name, held_out in run.evaluate.sets.items():
            found.setdefault(name, (held_out, held_out.split or run.evaluate.split))
    return found


def _teach(
    registry: Registry,
    materials: Materials,
    teacher: Teacher,
    prompt: PromptConfig,
    on_event: Listener,
) -> None:
    """Train the teacher's model on the lessons."""
    trainer: SFTTrainer = registry.build("sft", teacher.trainer)
    began = time.monotonic()
    on_event(StageStarted("lessons", 0, "steps"))
    trainer.train(
        SFTJob(materials.lessons, teacher.model, materials.model.parent, seed=0, prompt=prompt),
        lambda done, total, m: on_event(StageProgress("lessons", done, total, m)),
    )
    on_event(StageFinished("lessons", time.monotonic() - began))


def _unsolved(folder: Path) -> bool:
    """Whether a run in `folder` has no trace."""
    return any(not path.stat().st_size for path in folder.rglob("traces.jsonl"))
