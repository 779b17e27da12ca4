"""Writes the file of prompts that OpenRLHF reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from astro.files import encode, write_plain_lines
from astro.seeds import derive
from astro.types import Problem, State
from astro_openrlhf.prompts import PromptWriter

PROMPT, LABEL = "prompt", "label"
"""The keys of a row: the rendered prompt, and the problem as JSON."""


def write_prompts(
    path: Path, problems: Sequence[Problem], writer: PromptWriter, *, rows: int, seed: int
) -> int:
    """Write `rows` prompts, and return the length of the longest one in tokens.

    The file passes over `problems` as often as needed, each time in another order, so the number of
    rows determines the number of steps.

    Raises:
        TrainingError: A prompt cannot be written exactly.
    """
    texts = {problem.id: writer.text(State(problem).prompt) for problem in problems}
    write_plain_lines(
        path,
        (
            {PROMPT: texts[problem.id], LABEL: encode(problem).decode()}
            for problem in _passes(problems, rows, seed)
        ),
    )
    return max(len(writer.ids(text)) for text in texts.values())


def _passes(problems: Sequence[Problem], rows: int, seed: int) -> Iterator[Problem]:
    for number in range(-(-rows // len(problems))):
        left = rows - number * len(problems)
        order = Random(derive(seed, "prompts", number)).sample(list(problems), len(problems))
        yield from order[:left]
