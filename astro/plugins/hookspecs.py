"""The hooks that a plugin may implement. Its entry-point module imports nothing heavy.

# pyproject.toml
[project.entry-points.astro]
chemistry = "astro_chemistry"

# astro_chemistry/__init__.py
from astro.plugins.hookspecs import Provider, hookimpl

@hookimpl
def astro_providers():
    return [Provider("verifier", "chemistry", "balanced equations",
                     target="astro_chemistry.verifier:ChemistryVerifier",
                     params="astro_chemistry.verifier:Params")]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pluggy

from astro.events import Listener

ENTRY_POINT_GROUP = "astro"
hookspec = pluggy.HookspecMarker("astro")
hookimpl = pluggy.HookimplMarker("astro")

COMMAND = "command"
KINDS = (
    "problems",
    "policy",
    "reward_model",
    "search",
    "value",
    "step_format",
    "verifier",
    "linearizer",
    "sft",
    "rl",
    "executor",
    "stage",
    COMMAND,
)
NO_VERIFIER = "none"
"""The name of the verifier of a run without verdicts."""
MODEL_KINDS = ("policy", "reward_model")
"""The kinds of plugins that can serve a role of a config's `models`."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A light description of an implementation; nothing is imported until it is used.

    `target` and `params` are `"module:Class"`; `params` names a pydantic model, or is empty for
    an implementation without params. `requires` are importable module names, and `install` is the
    command that brings them. `memory` is `"module:function"`, by which `astro plan` foresees the
    most memory (see `astro.planning.memory.Foresee`), or is empty.

    The rest is for rehearsals. `needs_gpu` says that it cannot run without a GPU. `stand_in` is the
    name of the provider of the same kind that replaces it where it cannot run. A `fallback`
    replaces any provider of its kind that has no stand-in; one for `problems` takes a JSON Lines
    file for each split as its params.

    An `automatic` stage is one of every run, under its own name, where the packages that it
    `requires` are installed. A config turns it off with `stages: {NAME: null}`. It changes nothing
    that other stages read, so a run may be resumed with or without it.
    """

    kind: str
    name: str
    summary: str
    target: str
    params: str = ""
    requires: tuple[str, ...] = ()
    install: str = ""
    memory: str = ""
    stand_in: str = ""
    fallback: bool = False
    needs_gpu: bool = False
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A light description of a subcommand of `astro`.

    `target` is `"module:object"` of a `click.Command`, which is imported when the command is used.
    `requires` and `install` are as in `Provider`.
    """

    name: str
    summary: str
    target: str
    requires: tuple[str, ...] = ()
    install: str = ""

    def provider(self) -> Provider:
        """The command as an entry of the registry."""
        return Provider(
            COMMAND,
            self.name,
            self.summary,
            self.target,
            requires=self.requires,
            install=self.install,
        )


class Hooks:
    """The hooks a plugin may implement."""

    @hookspec
    def astro_providers(self) -> Iterable[Provider]:
        """Describe the implementations that this plugin provides."""
        raise NotImplementedError

    @hookspec
    def astro_commands(self) -> Iterable[Command]:
        """Describe the subcommands that this plugin adds to `astro`.

        A command of the core cannot be replaced.
        """
        raise NotImplementedError

    @hookspec
    def astro_listeners(self) -> Iterable[Listener]:
        """Make the listeners of one run, study or series of rounds, when it starts.

        Each is called with every event of `astro.events`, in the process that drives the run. A
        listener that raises is reported once and called no more.
        """
        raise NotImplementedError
