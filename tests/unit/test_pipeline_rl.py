"""The RL stage: what a trainer has to say reaches the user."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from astro.config.loading import load_config
from astro.events import Event, Notice
from astro.interfaces import TrainResult
from astro.plugins.binding import Binding
from astro.runs.context import RunContext
from astro.runs.stages import rl

CONFIG = Path(__file__).parents[2] / "configs" / "quickstart.yaml"


def events_of(note: str) -> list[Event]:
    """What the stage tells of a trainer that ends with `note`."""
    trainer = SimpleNamespace(train=lambda *_, **__: TrainResult(Path("model"), note=note))
    config = load_config(CONFIG)
    events: list[Event] = []
    run = SimpleNamespace(
        config=config,
        registry=SimpleNamespace(build=lambda *_, **__: trainer),
        folder=SimpleNamespace(training=Path),
        policy=lambda _: config.policy,
        training_problems=list,
        step_format=lambda: None,
        prompt=lambda: config.prompt,
        on_step=lambda _: None,
        on_event=events.append,
        started=lambda *_: nullcontext(),
    )
    rl.train(cast(RunContext, cast(Any, run)), Binding(name="grpo"))
    return events


@pytest.mark.parametrize("note", ["", "training ended at step 3"])
def test_a_note_of_how_training_ended_is_told(note: str) -> None:
    notices = [event.text for event in events_of(note) if isinstance(event, Notice)]
    assert notices == ([f"rl: {note}"] if note else [])
