"""A cluster of two nodes, each with a raylet of its own, one of which is killed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from astro.engine.tasks import Outcome
from astro.errors import RunError
from astro_ray.cluster import connected, workers_that_fit
from astro_ray.params import ExecutorParams

pytestmark = pytest.mark.ray
RAY = Path(sys.executable).with_name("ray")
LEAN = ["--object-store-memory=100000000", "--min-worker-port=0", "--max-worker-port=0"]
Workers = Callable[[psutil.Process, int], list[psutil.Process]]
SOON = {"RAY_health_check_period_ms": "1000", "RAY_health_check_failure_threshold": "3"}


def free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@contextmanager
def node(*options: str) -> Iterator[psutil.Popen]:
    """A node of one core, which ends with the block whatever happens."""
    process = psutil.Popen(
        [RAY, "start", "--block", "--num-cpus=1", *LEAN, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **SOON, "RAY_USAGE_STATS_ENABLED": "0"},
    )
    try:
        yield process
    finally:
        kill(process)


def kill(process: psutil.Popen) -> None:
    """A node and all its processes, at once."""
    family = [process, *process.children(recursive=True)] if process.is_running() else []
    for member in family:
        member.kill()
    psutil.wait_procs(family, timeout=20)


def wait_for_workers(address: str, count: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with connected(address):
                while workers_that_fit(ExecutorParams()) < count and time.monotonic() < deadline:
                    time.sleep(0.2)
                return
        except RunError:
            time.sleep(0.2)
    pytest.fail("the cluster did not start")


@pytest.fixture
def folder() -> Iterator[str]:
    """Short, for a socket's path may have 107 characters."""
    with tempfile.TemporaryDirectory(
        prefix="astro-", dir="/tmp", ignore_cleanup_errors=True
    ) as path:
        yield path


def test_a_lost_node_changes_nothing(runs: Any, folder: str, workers: Workers) -> None:
    port, client_port = free_ports(2)
    address = f"127.0.0.1:{port}"
    head = ["--head", f"--port={port}", f"--ray-client-server-port={client_port}"]
    with (
        node(*head, "--include-dashboard=false", f"--temp-dir={folder}"),
        node(f"--address={address}") as second,
    ):
        wait_for_workers(address, 2)
        outcomes: dict[str, Outcome] = {}
        for outcome in runs.start("ray", address=address, concurrency=8):
            outcomes[outcome.key] = outcome
            if len(outcomes) == 3:
                workers(second, 1)
            if len(outcomes) == 20:  # by now it has work
                kill(second)
    assert outcomes == runs.whole("local")
    assert runs.journal("ray") == runs.journal("local")
