"""Connecting, or saying in one line why not. No Ray runs here meanwhile."""

from __future__ import annotations

import signal
import sys
import time
from typing import Any

import pytest
import ray

from astro.errors import RunError
from astro_ray.cluster import _uninterrupted


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no-such-host.invalid:6379"])
def test_a_wrong_address_is_one_line_and_soon(runs: Any, address: str) -> None:
    began = time.monotonic()
    with pytest.raises(RunError, match=rf"no Ray at '{address}': .*`ray start --head`") as error:
        runs.whole("ray", address=address)
    assert "\n" not in str(error.value)
    assert time.monotonic() - began < 20


def test_auto_takes_the_address_from_the_environment(
    runs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(RunError, match=r"no Ray at '127\.0\.0\.1:1'"):
        runs.whole("ray", address="auto")


def test_no_task_needs_no_ray(runs: Any) -> None:
    runs.tasks = []
    assert runs.whole("ray") == {}
    assert not ray.is_initialized()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_waits_until_ray_has_started(number: int) -> None:
    order: list[object] = []
    before = signal.signal(number, lambda number, _: order.append(number))
    try:
        with _uninterrupted():
            signal.raise_signal(number)
            order.append("started")
    finally:
        signal.signal(number, before)
    assert order == ["started", number]


def test_sigterm_ends_a_start_of_ray_as_it_ends_anything_else() -> None:
    """Ray sets a handler of its own while it starts, which exits."""
    taken: list[int] = []

    class Terminated(KeyboardInterrupt):
        pass

    def terminate(number: int, _: object) -> None:
        taken.append(number)
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        with pytest.raises(Terminated), _uninterrupted():
            signal.signal(signal.SIGTERM, lambda number, _: sys.exit(number))
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert taken == [signal.SIGTERM]
