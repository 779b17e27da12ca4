"""The files that a rehearsal works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Materials:
    """The problems, lessons and taught model of a rehearsal, as paths in `folder`.

    `splits` are the splits of problems that the config needs. `why` says why the problems are not
    the config's own, and `sets` says so for each evaluation set; both are empty where they are.
    """

    folder: Path
    splits: tuple[str, ...] = ("train", "test")
    why: str = ""
    sets: Mapping[str, str] = field(default_factory=dict)

    def problems(self, split: str) -> Path:
        """The problems of a split, or of an evaluation set where `split` is `set-<name>`."""
        return self.folder / f"{split}.jsonl"

    @property
    def lessons(self) -> Path:
        """The traces that the model is taught."""
        return self.folder / "lessons.jsonl"

    @property
    def model(self) -> Path:
        """The checkpoint of the taught model."""
        return self.folder / "taught" / "model"
