"""Traces in the file that OpenRLHF reads, whole batches of them, their tokens counted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from astro.errors import TrainingError
from astro.files import write_lines
from astro.seeds import derive
from astro_openrlhf.prompts import PromptWriter

PROMPT, RESPONSE = "prompt", "response"


@dataclass(frozen=True, slots=True)
class Example:
    """A trace as OpenRLHF reads it.

    `length` counts its tokens, `tokens` those of them that bear loss: the response's and the end of
    sequence.
    """

    prompt: str
    response: str
    length: int
    tokens: int


def read_examples(traces: Path, writer: PromptWriter) -> list[Example]:
    """One example a row. Raises `TrainingError` that names the line of a row it cannot use."""
    examples = []
    with traces.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                examples.append(_example(json.loads(line), writer))
            except (ValueError, KeyError, TypeError) as error:
                raise TrainingError(
                    f"{traces}, line {number}: not a trace ({type(error).__name__}: {error})",
                    "expected rows with messages",
                ) from None
    return examples


def _example(row: dict[str, Any], writer: PromptWriter) -> Example:
    if not all(segment["train"] for segment in row.get("segments") or ()):
        raise TrainingError(
            "OpenRLHF trains on whole responses, and a trace has a segment that is not to be",
            "set linearizer.params.train_wrong_steps=true, or sft.name=transformers",
        )
    user, assistant = (message["content"] for message in row["messages"])
    prompt = writer.text(user)
    # OpenRLHF would write a space before an end of sequence that it adds itself.
    response = assistant + writer.tokenizer.eos_token
    length = len(writer.ids(prompt + response))
    return Example(prompt, response, length, length - len(writer.ids(prompt)))


def plan(
    examples: Sequence[Example], *, batch_size: int, epochs: float, tokens: int | None, seed: int
) -> list[Example]:
    """The examples of a whole training: `epochs` passes, or, if given, up to `tokens` of loss.

    Each pass has an order of its own. The last batch is filled from the next pass, since OpenRLHF
    leaves out one that is not full.
    """
    passes = (example for number in count() for example in _shuffled(examples, seed, number))
    planned: list[Example] = []
    wanted = max(1, round(epochs * len(examples))) if tokens is None else 0
    borne = 0
    while len(planned) < wanted or borne < (tokens or 0) or len(planned) % batch_size:
        planned.append(next(passes))
        borne += planned[-1].tokens
    return planned


def write_examples(path: Path, examples: Sequence[Example]) -> None:
    """Write a planned training, whole."""
    write_lines(path, ({PROMPT: e.prompt, RESPONSE: e.response} for e in examples))


def _shuffled(examples: Sequence[Example], seed: int, number: int) -> Iterator[Example]:
    yield from Random(derive(seed, "traces", number)).sample(list(examples), len(examples))
