"""The path of the embedded model; `path` is an entry point of the group `astro.models`."""

from __future__ import annotations

from pathlib import Path


def path() -> Path:
    """Return the folder to load with `AutoModelForCausalLM.from_pretrained`."""
    return Path(__file__).with_name("model")
