"""Runs of a few problems with a scripted policy, in this process."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import astro
from astro.config.loading import parse_config
from astro.events import Event, Notice
from astro.plugins.registry import Registry

PROBLEMS = [{"id": f"set/{i}", "prompt": f"what is {i}?", "answer": "1"} for i in range(3)]


def write_problems(folder: Path, problems: Sequence[Mapping[str, Any]]) -> Path:
    """Write problems to a file in `folder`, and return its path."""
    path = folder / "problems.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in problems))
    return path


def small_config(
    folder: Path, problems: Sequence[Mapping[str, Any]] = PROBLEMS, **keys: Any
) -> dict[str, Any]:
    """A config whose policy answers 1, and whose problems are written to a file in `folder`."""
    path = write_problems(folder, problems)
    return {
        "name": "small",
        "problems": {"name": "jsonl", "params": {"train": str(path), "test": str(path)}},
        "policy": {"name": "scripted", "params": {"answers": ["the answer is 1\n"]}},
        "verifier": {"name": "exact"},
        "search": {"name": "mcts", "params": {"expand": 2, "iterations": 4}},
        "value": {"name": "rollout", "params": {"rollouts": 1, "max_tokens": 32}},
        "linearizer": {"name": "direct"},
        "evaluate": {"models": ["base"], "samples": 2, "max_tokens": 32},
        **keys,
    }


def notices(runs: Path, config: Mapping[str, Any], **options: Any) -> list[str]:
    """Run a config in the folder `runs`, and return the notices."""
    told: list[str] = []

    def listen(event: Event) -> None:
        told.extend([event.text] if isinstance(event, Notice) else [])

    registry = Registry.discover()
    astro.run(
        parse_config(config, registry), runs=runs, registry=registry, on_event=listen, **options
    )
    return told
