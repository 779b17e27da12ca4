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
    """Return the config keys that only stages read which have not begun, as none after them has.

    Args:
        stages: The stages of the config in the run's folder.
        folder: The run's folder.
    """
    begun = {stage.name for stage in stages if _has_begun(stage, folder)}
    keys: list[str] = []
    for name in reversed(STAGES):
        if name in begun or (begun - {*STAGES} and name not in ("report", "evaluate")):
            break  # any stage may have read the keys of those before it
        keys += _FIRST_READ_BY.get(name, ())
    return keys


def _has_begun(stage: AnyStage, folder: RunFolder) -> bool:
    """Whether a stage has left a file, a training or a reply in the folder."""
    left = [*stage.outputs(folder.root), *map(folder.training, stage.models)]
    if any(path.exists() for path in left):
        return True
    if not folder.journal.exists():
        return False
    with closing(Journal(folder.journal)) as journal:
        return journal.holds(f"{stage.name}/")
