"""The allowance stops a computation even where Python ignores the exception that stops it."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator

import pytest

from astro_sympy.values.allowance import Allowance, Spent, metered


def step() -> None:
    """A call that is counted."""


def collected() -> None:
    gc.callbacks.append(called_back)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(called_back)


def called_back(*_: object) -> None:
    for _ in range(500):
        step()


class Finalized:
    def __del__(self) -> None:
        called_back()


def finalized() -> None:
    Finalized()


def referred() -> None:
    weakref.finalize(type("Thing", (), {})(), called_back)


def closed() -> None:
    def numbers() -> Iterator[int]:
        yield from range(10)

    next(numbers())


@pytest.mark.parametrize("interlude", [step, collected, finalized, referred, closed])
def test_a_computation_ends_wherever_its_allowance_was_spent(
    interlude: Callable[[], None],
) -> None:
    calls = 0

    def compute() -> None:
        nonlocal calls
        while calls < 2_000:
            interlude()
            step()
            calls += 1

    with pytest.raises(Spent):
        metered(compute, Allowance(calls=300, seconds=60), {})
    assert calls < 1_000
