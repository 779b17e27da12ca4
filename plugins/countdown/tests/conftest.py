"""What the tests of the domain share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from astro.types import Problem


@pytest.fixture
def game() -> Callable[[Sequence[int], int], Problem]:
    """A problem from its numbers and target."""

    def problem(numbers: Sequence[int], target: int) -> Problem:
        prompt = f"use {' '.join(map(str, numbers))} to make {target}"
        metadata = {"numbers": list(numbers), "target": target}
        return Problem(f"{prompt}", prompt, str(target), metadata)

    return problem


@pytest.fixture
def problem(game: Callable[[Sequence[int], int], Problem]) -> Problem:
    return game([3, 4, 3], 21)
