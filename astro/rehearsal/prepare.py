"""From a config to one that can be rehearsed on this machine. Every seam stays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from astro.config.loading import UNUSED
from astro.config.run import RunConfig
from astro.engine.budget import Budget
from astro.plugins.binding import Binding, FormatSFTBinding, SFTBinding, VerifierBinding
from astro.plugins.registry import Registry
from astro.rehearsal.materials import Materials
from astro.rehearsal.rehearsable import Machine, RehearsalScale
from astro.rehearsal.stand_ins import Budgets, Part, Teacher, fallbacks, rehearsed_part

STAGE_OF = {
    "linearizer": "linearize",
    "control": "linearize",
    "format_sft": "format_sft",
    "sft": "sft",
    "rl": "rl",
    "reward": "rl",
}
"""The stage that uses the plugin under a key, where it is not `search`."""

_SCALE = RehearsalScale()


@dataclass(frozen=True, slots=True)
class Seam:
    """One line of the rehearsal's table: a part of the config and what ran there.

    `named` is the plugin in the config and `ran` the one in the rehearsal. `why` says why they
    differ, and is empty where they do not.
    """

    stage: str
    key: str
    named: str
    ran: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A small config, its seams, and the budgets that were cut, by their path in the config.

    `teacher` is set if a model has to be taught at `Materials.model` first.
    """

    config: RunConfig
    seams: tuple[Seam, ...]
    budgets: Budgets
    teacher: Teacher | None


def prepare(
    config: RunConfig, registry: Registry, machine: Machine, materials: Materials
) -> Prepared:
    """`config` as it can be rehearsed on `machine`.

    Raises:
        MissingEngineError: packages of a plugin and of its stand-ins are not installed.
        ConfigError: a plugin cannot run here, and nothing stands in for it.
    """
    update: dict[str, Any] = dict(_run_settings(config, registry, materials))
    budgets: dict[str, tuple[Any, Any]] = {
        name: (getattr(config, name), value)
        for name, value in update.items()
        if getattr(config, name) != value and name != "evaluate"
    }
    seams, teachers = list[Seam](), list[Teacher]()
    for key, kind, binding in _plugins(config, registry):
        if kind == "problems":
            part = Part(_problem_files(registry, materials), materials.why)
            ran = _count(part.why)
        else:
            part = rehearsed_part(registry, machine, materials, kind, binding)
            ran = _title(part.binding, part.teacher)
        teachers += filter(None, [part.teacher])
        budgets |= {f"{key}.params.{name}": change for name, change in part.budgets.items()}
        seams.append(Seam(_stage_of(key), key, _title(binding), ran, part.why))
        settings = _binding_settings(part.binding, machine)
        if kind == "sft":
            old = {name: getattr(part.binding, name) for name in settings}
            changed = {name: (old[name], settings[name]) for name in old}
            budgets |= {f"{key}.{n}": pair for n, pair in changed.items() if pair[0] != pair[1]}
        _put(update, key, part.binding.model_copy(update=settings))
    seams += _evaluation_seams(config, materials)
    teacher = next(iter(teachers), None)
    return Prepared(config.model_copy(update=update), tuple(seams), budgets, teacher)


def _plugins(config: RunConfig, registry: Registry) -> Iterator[tuple[str, str, Binding]]:
    """(key in the config, kind, binding) of every plugin but the sources of evaluation sets."""
    for key, kind, binding in config.bindings():
        unused = (key, binding.name) == ("linearizer", UNUSED)
        if not (unused or key.startswith("evaluate.")):
            yield key, kind, binding
    for role, binding in config.models.items():
        yield f"models.{role}", registry.model_kind(binding.name), binding


def _stage_of(key: str) -> str:
    """The stage that uses the plugin under `key`; those of added stages are their own."""
    outer, _, name = key.partition(".")
    return name if outer == "stages" else STAGE_OF.get(key, "search")


def _binding_settings(binding: Binding, machine: Machine) -> dict[str, Any]:
    """New values of the keys that a binding has beside `name` and `params`."""
    match binding:
        case VerifierBinding():
            return {"workers": 1}
        case FormatSFTBinding():
            return {"tokens": None, "problems": 1}
        case SFTBinding(model=model):
            own = {} if model is None or machine.model(model) else {"model": None}
            return {"tokens": None, "runs": (), **own}
    return {}


def _put(update: dict[str, Any], key: str, binding: Binding) -> None:
    """Set a key of the config, such as `policy` or `models.judge`."""
    outer, _, inner = key.partition(".")
    update[outer] = {**update.get(outer, {}), inner: binding} if inner else binding


def _run_settings(
    config: RunConfig, registry: Registry, materials: Materials
) -> Iterator[tuple[str, Any]]:
    """New values of the keys that name no plugin. With so few problems, none is left out."""
    evaluate = config.evaluate
    sets = {}
    for name, held_out in evaluate.sets.items():
        params = {held_out.split or evaluate.split: str(materials.problems(f"set-{name}"))}
        change = {"name": _file_reader(registry), "params": params, "samples": None}
        sets[name] = held_out.model_copy(update=change)
    small = {
        "samples": min(2, evaluate.samples),
        "max_tokens": min(_SCALE.response_tokens, evaluate.max_tokens),
    }
    yield "evaluate", evaluate.model_copy(update={"sets": sets, **small})
    yield "trees", _SCALE.problems
    yield "budget", Budget()
    yield "decontaminate", False
    if config.rounds:
        yield "rounds", config.rounds.model_copy(update={"n": min(2, config.rounds.n)})


def _evaluation_seams(config: RunConfig, materials: Materials) -> Iterator[Seam]:
    """One seam for each evaluation set, or one for the split that is evaluated."""
    evaluate = config.evaluate
    if not evaluate.sets:
        yield Seam("evaluate", "evaluate", evaluate.split, f"the {evaluate.split} problems")
    for name in evaluate.sets:
        why = materials.sets.get(name, "")
        key = f"evaluate.sets.{name}"
        yield Seam("evaluate", key, _title(evaluate.sets[name]), _count(why), why)


def _file_reader(registry: Registry) -> str:
    """The problem source that reads a JSON Lines file for each split."""
    return fallbacks(registry, "problems")[0].name


def _problem_files(registry: Registry, materials: Materials) -> Binding:
    files = {split: str(materials.problems(split)) for split in materials.splits}
    return Binding(name=_file_reader(registry), params=files)


def _count(why: str) -> str:
    return f"{_SCALE.problems} of our own" if why else f"the first {_SCALE.problems}"


def _title(binding: Binding, teacher: Teacher | None = None) -> str:
    """The plugin's name and its model or preset, if it has one."""
    model = f"{teacher.model}, taught" if teacher else binding.params.get("model")
    shown = model or binding.params.get("preset")
    return f"{binding.name}, {shown}" if shown else binding.name
