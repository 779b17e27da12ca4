"""Where the tiny model lies: an entry point of the group `astro.models` names `path`."""

from __future__ import annotations

from pathlib import Path


def path() -> Path:
    """The folder that `AutoModelForCausalLM.from_pretrained` loads."""
    return Path(__file__).with_name("model")
