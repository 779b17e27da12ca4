"""Stages of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

Context_contra = TypeVar("Context_contra", contravariant=True)


class Stage(Protocol[Context_contra]):
    """One stage of a run. `Context_contra` is `astro.runs.context.RunContext`.

    A stage is built from its params and, by keyword, `name`, its key in the config, and `config`,
    the `RunConfig` of the run. Building a stage loads nothing: `astro config check` does it too.
    """

    @property
    def name(self) -> str:
        """The key under which the config has the stage."""

    @property
    def needs(self) -> Sequence[str]:
        """Names of the stages that have to be done before this one."""

    @property
    def models(self) -> Sequence[str]:
        """Names of the models that the stage trains, in the order in which tables show them.

        The stage leaves each as a checkpoint in `run.folder.checkpoint(name)`, where evaluation
        finds it.
        """

    def outputs(self, folder: Path) -> Sequence[Path]:
        """The files that the stage leaves in a run's folder. It is done when all of them exist."""

    def run(self, run: Context_contra) -> None:
        """Write the outputs, each of them whole. Resumes what an earlier run has left undone.

        Raises any `AstroError`.
        """
