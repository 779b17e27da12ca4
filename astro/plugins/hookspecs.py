"""The one hook. A plugin's entry-point module implements it and imports nothing heavy.

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

ENTRY_POINT_GROUP = "astro"
hookspec = pluggy.HookspecMarker("astro")
hookimpl = pluggy.HookimplMarker("astro")

KINDS = (
    "problems",
    "policy",
    "search",
    "value",
    "step_format",
    "verifier",
    "linearizer",
    "sft",
    "rl",
    "executor",
)


@dataclass(frozen=True, slots=True)
class Provider:
    """A light description of an implementation; nothing is imported until it is used.

    `target` and `params` are `"module:Class"`; `params` names a pydantic model, or is empty for
    an implementation without params. `requires` are importable module names, and `install` is the
    command that brings them.
    """

    kind: str
    name: str
    summary: str
    target: str
    params: str = ""
    requires: tuple[str, ...] = ()
    install: str = ""


class Hooks:
    """The hooks a plugin may implement."""

    @hookspec
    def astro_providers(self) -> Iterable[Provider]:
        """Describe what this plugin provides."""
        raise NotImplementedError
