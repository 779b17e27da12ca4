"""Traces as OpenRLHF reads them, and the batches of a training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from astro.errors import TrainingError
from astro.plugins.models import checkpoint
from astro_openrlhf.prompts import PromptWriter
from astro_openrlhf.traces import Example, plan, read_examples

EXAMPLES = [Example(str(number), "", 10, number) for number in range(1, 6)]


@pytest.fixture
def writer() -> PromptWriter:
    return PromptWriter(checkpoint("tiny-countdown"))


def trace(text: str, **more: Any) -> str:
    said = {"user": "use 1 2 12 to make 11", "assistant": text}
    messages = [{"role": role, "content": content} for role, content in said.items()]
    return json.dumps({"messages": messages, **more})


def test_an_example(tmp_path: Path, writer: PromptWriter) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text(trace("1 + 2 = 3\n", segments=[{"text": "1 + 2 = 3\n", "train": True}]))
    (example,) = read_examples(path, writer)
    assert example.prompt == "use 1 2 12 to make 11\n"
    assert example.response == "1 + 2 = 3\n<eos>"
    assert example.tokens == len(writer.ids(example.response))
    assert example.length == example.tokens + len(writer.ids(example.prompt))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: not a trace"),
        ('{"messages": 3}', "line 1: not a trace"),
        (trace("a", segments=[{"text": "a", "train": False}]), "OpenRLHF trains on whole resp"),
    ],
)
def test_what_is_no_trace(tmp_path: Path, writer: PromptWriter, line: str, message: str) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(TrainingError, match=message):
        read_examples(path, writer)


def test_epochs_are_passes_and_the_last_batch_is_filled() -> None:
    planned = plan(EXAMPLES, batch_size=4, epochs=2, tokens=None, seed=0)
    assert len(planned) == 12
    assert {e.tokens for e in planned[:5]} == {e.tokens for e in planned[5:10]} == {1, 2, 3, 4, 5}


def test_part_of_an_epoch() -> None:
    assert len(plan(EXAMPLES, batch_size=1, epochs=0.5, tokens=None, seed=0)) == 2


@pytest.mark.parametrize("tokens", [1, 15, 16, 40])
def test_tokens_end_a_training_whatever_the_epochs(tokens: int) -> None:
    planned = plan(EXAMPLES, batch_size=1, epochs=9, tokens=tokens, seed=0)
    borne = [example.tokens for example in planned]
    assert sum(borne) >= tokens > sum(borne[:-1])


def test_the_order_follows_from_the_seed() -> None:
    one, same, other = (
        plan(EXAMPLES, batch_size=5, epochs=3, tokens=None, seed=seed) for seed in (1, 1, 2)
    )
    assert one == same != other
