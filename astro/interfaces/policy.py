"""Protocols for language models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

from astro.interfaces.backend import Backend
from astro.types import Prompt


@runtime_checkable
class TrainablePolicy(Backend, Protocol):
    """A policy whose weights RL can replace while it samples."""

    def reload(self, weights: Iterable[tuple[str, Any]]) -> None:
        """Load `(parameter name, tensor)` pairs and drop caches computed with the old weights."""

    def prompt_ids(self, prompt: Prompt) -> tuple[int, ...]:
        """The token ids that precede a sample of `prompt`."""
