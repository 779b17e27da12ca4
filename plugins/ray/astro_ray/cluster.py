"""The connection to Ray, and the resources of its nodes."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ray

from astro.errors import RunError
from astro.interruption import SIGNALS
from astro.text import without_unsafe
from astro_ray.params import ExecutorParams

_HINT = "start one with `ray start --head`, or set executor.params.address to local"
_LOCAL = {"include_dashboard": False, "object_store_memory": 128 * 2**20}
"""Options of a local Ray. The object store is small: only messages above 100 KB go through it."""
_PROBE_SECONDS = 5.0
_ROUNDING = 1e-9


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connect to Ray for the duration of the block; a Ray that was started for it is shut down.

    An existing connection of this process is used and kept.

    Raises:
        RunError: There is no such cluster.
    """
    if ray.is_initialized():
        yield
        return
    try:
        with _uninterrupted():
            _connect(os.environ.get("RAY_ADDRESS") or address if address == "auto" else address)
        yield
    finally:
        with _uninterrupted():
            ray.shutdown()


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold the signals that end a command back until the end of the block, in which Ray works.

    While it starts or stops, Ray may otherwise lose the signal, crash, or leave its processes
    behind. A third signal ends a process that hangs.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []

    def hold(number: int, _: object) -> None:
        if held:
            signal.signal(number, signal.SIG_DFL)
        held.append(number)

    before = {number: signal.signal(number, hold) for number in SIGNALS}
    try:
        yield
    except SystemExit:  # by Ray's own handler of SIGTERM, which it sets while it starts
        held.append(signal.SIGTERM)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        if held:
            signal.raise_signal(held[0])


def workers_that_fit(params: ExecutorParams) -> int:
    """Return how many workers fit on the nodes if nothing else runs there."""
    nodes: list[dict[str, Any]] = ray.nodes()
    demand = params.demand()
    return sum(_fit(node["Resources"], demand) for node in nodes if node["Alive"])


def first_line(error: BaseException) -> str:
    """Return the first line of an error of Ray, whose messages may be pages long."""
    return without_unsafe(str(error)).strip().partition("\n")[0] or type(error).__name__


def _connect(address: str) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    options: dict[str, Any] = _LOCAL if address == "local" else {}
    try:
        if ":" in address:
            _probe(address)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # announces changes in later versions
            ray.init(address, logging_level=logging.ERROR, log_to_driver=False, **options)
    except Exception as error:  # Ray raises many kinds
        raise RunError(f"no Ray at {address!r}: {first_line(error)}", _HINT) from error


def _probe(address: str) -> None:
    """Check that the address accepts connections, which Ray takes many minutes to find out.

    Raises:
        OSError: It does not.
    """
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), _PROBE_SECONDS).close()


def _fit(resources: Mapping[str, float], demand: Mapping[str, float]) -> int:
    return int(min(resources.get(name, 0.0) / need for name, need in demand.items()) + _ROUNDING)
