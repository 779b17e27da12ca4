"""The seeds of the requests of a batch."""

from __future__ import annotations

from dataclasses import replace

from astro.engine.waves import seeded
from astro.requests import Generate, LogProb
from astro.seeds import derive
from astro.types import Prompt


def test_requests_keep_everything_but_their_seeds() -> None:
    generate = Generate(Prompt("q", "a", (1,)), 3, ("\n",), 7, 0.5, 0.9, 11, "rewriter")
    score = LogProb(Prompt("q"), ("a",))
    first, second, third = seeded([generate, score, generate], 5, "task", 2)
    assert first == replace(generate, seed=derive(5, "task", 2))
    assert second == score
    assert third == replace(generate, seed=derive(5, "task", 4))
