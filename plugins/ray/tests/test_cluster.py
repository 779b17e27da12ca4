"""Connecting, or saying in one line why not. No Ray runs here meanwhile."""

from __future__ import annotations

import time
from typing import Any

import pytest
import ray

from astro.errors import RunError


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
