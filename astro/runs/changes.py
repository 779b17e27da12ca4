"""What may still change in the config of a run: the keys of stages that have not begun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from types import MappingProxyType

from astro.config.run import STAGES
from astro.config.stages import AnyStage
from astro.engine.journal import Journal
from astro.runs.folder import OF_THE_EVALUATION, RunFolder

_FIRST_READ_BY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "linearize": ("linearizer", "control"),
        "sft": ("sft",),
        "rl": ("rl", "reward"),
        "evaluate": tuple(key for key in OF_THE_EVALUATION if key.startswith("evaluate.")),
    }
)
"""The config keys that no stage before this one reads."""


def unread_keys(stages: Sequence[AnyStage], folder: RunFolder) -> list[str]:
    """Return the config keys that no stage has read: those of the stages after the last begun one.

    Stages that a config adds come before `evaluate`, and may read the keys of all stages before it.

    Args:
        stages: The stages of the config in the run's folder.
        folder: The run's folder.
    """
    begun = _recorded(stages, folder) | {s.name for s in stages if _has_files(s, folder)}
    added, at = begun - {*STAGES}, STAGES.index("evaluate")
    order = [*STAGES[:at], *added, *STAGES[at:]]
    last = max((order.index(name) for name in begun), default=-1)
    return [key for name in order[last + 1 :] for key in _FIRST_READ_BY.get(name, ())]


def _recorded(stages: Sequence[AnyStage], folder: RunFolder) -> set[str]:
    """The names of the stages of which the journal holds a reply or a result."""
    if not folder.journal.exists():
        return set()
    with closing(Journal(folder.journal)) as journal:
        return {stage.name for stage in stages if journal.holds(f"{stage.name}/")}


def _has_files(stage: AnyStage, folder: RunFolder) -> bool:
    """Whether a stage has left an output or the folder of a training."""
    left = [*stage.outputs(folder.root), *map(folder.training, stage.models)]
    return any(path.exists() for path in left)
