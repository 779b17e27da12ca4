"""What ends a computation: calls, time, guards; and what is as before when it has ended."""

from __future__ import annotations

import sys
import time
from threading import Thread

import pytest

from astro_sympy.values.allowance import Allowance, Spent, metered


def call() -> int:
    return 1


def calls_without_end() -> None:
    while True:
        call()


def stubborn() -> None:
    """Handles every error, and closes generators that are not done."""
    while True:
        try:
            any(call() for _ in range(2))
        except Exception:
            continue


def test_a_result_is_handed_back_and_paid_for() -> None:
    allowance = Allowance()
    assert metered(lambda: call() + call(), allowance, {}) == 2
    assert Allowance().calls - allowance.calls == 3


@pytest.mark.parametrize("allowance", [Allowance(calls=1000), Allowance(seconds=0.05)])
@pytest.mark.parametrize("compute", [calls_without_end, stubborn])
def test_both_bounds_end_it(allowance: Allowance, compute: object) -> None:
    began = time.process_time()
    with pytest.raises(Spent):
        metered(compute, Allowance(allowance.calls, allowance.seconds), {})  # type: ignore[arg-type]
    assert time.process_time() - began < 5.0


def test_a_guard_ends_it() -> None:
    with pytest.raises(Spent):
        metered(call, Allowance(), {call.__code__: lambda given: not given})


def test_nothing_is_computed_on_nothing() -> None:
    with pytest.raises(Spent):
        metered(call, Allowance(calls=0), {})


def test_works_in_a_thread_and_puts_the_tracer_back() -> None:
    before, ended = sys.gettrace(), []

    def work() -> None:
        with pytest.raises(Spent):
            metered(calls_without_end, Allowance(calls=1000), {})
        ended.append(sys.gettrace())

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [None]
    assert sys.gettrace() is before
