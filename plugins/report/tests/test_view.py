"""`astro view` as a process: its address, a run that grows beside it, and its end."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from click.testing import CliRunner
from small_runs import small_config

from astro.cli.app import main
from astro.config.loading import parse_config
from astro.engine.loop import Engine
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder
from astro.runs.runner import run
from astro.runs.watching import SearchWatch

WAIT = 20.0


@contextmanager
def viewing(runs: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int, str]]:
    """`astro view` of a folder: the process, its port and its key."""
    command = [sys.executable, "-m", "astro", "view", str(runs), "--no-browser", *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S+)", process.stdout.readline())
        assert found, process.communicate()
        yield process, int(found[1]), found[2]
    finally:
        process.kill()
        process.communicate()


def get(port: int, token: str, path: str) -> tuple[int, bytes]:
    """The answer to a path that is sent as it stands."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT)) as connection:
        connection.request("GET", path, headers={"Cookie": f"astro_view_{port}={token}"})
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    registry = Registry.discover()
    run(parse_config(small_config(tmp_path), registry), runs=tmp_path / "runs", stages=["search"])
    return tmp_path / "runs"


def test_it_serves_this_machine_alone_and_ends_cleanly_at_ctrl_c(small: Path) -> None:
    (small.parent / "config.yaml").write_text("secret")
    with viewing(small) as (process, port, token):
        assert get(port, token, "/")[0] == 200
        assert get(port, "", "/")[0] == 403
        for path in ("/run/../", "/run/../../config.yaml", "/../config.yaml", "/run/small/../.."):
            status, content = get(port, token, path)
            assert (status, b"secret" in content) == (404, False)
        with pytest.raises(OSError), socket.create_connection((own_address(), port), 1):
            pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=WAIT)
    assert (process.returncode, err) == (0, "")
    assert token not in out


def own_address() -> str:
    """An address of this machine that is not its loopback; one that nobody has if there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "192.0.2.1"
        address: str = probe.getsockname()[0]
        return address


def test_what_cannot_be_served_is_one_line(small: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(main, ["view", str(small), "--port", port, "--no-browser"])
    assert result.exit_code == 2
    assert re.fullmatch(rf"error: port {port} of 127\.0\.0\.1 cannot be used .*\n", result.output)
    result = CliRunner().invoke(main, ["view", str(small / "absent"), "--no-browser"])
    assert result.exit_code == 2
    assert re.fullmatch(r"error: there is no folder .*absent.*\n", result.output)
    result = CliRunner().invoke(main, ["view", str(small / "small"), "--no-browser"])
    assert result.exit_code == 2
    assert (
        result.output
        == f"error: {small}/small is a run; give the folder that contains it: {small}\n"
    )


class SlowEngine(Engine):
    """An engine that waits between two rounds of replies."""

    def _collect(self) -> None:
        time.sleep(0.15)
        super()._collect()


def test_what_is_recorded_is_shown_within_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer holds all that was recorded before; the page asks four times a second."""
    monkeypatch.setattr("astro.builtin.local.Engine", SlowEngine)
    runs, folder = tmp_path / "runs", RunFolder(tmp_path / "runs" / "small")
    runs.mkdir()
    registry = Registry.discover()
    lines = {"lines": [f"try {i}\n" for i in range(9)], "length": 9}
    policy = {"name": "scripted", "params": lines}
    search = {"name": "mcts", "params": {"expand": 2, "iterations": 10}}
    config = parse_config(small_config(tmp_path, search=search, policy=policy), registry)
    options = {"runs": runs, "stages": ["search"]}
    thread = threading.Thread(target=run, args=(config,), kwargs=options)
    states, sizes, seconds = set[str](), list[int](), list[float]()
    with viewing(runs) as (_, port, token):
        thread.start()
        watch = SearchWatch(folder, registry)
        while thread.is_alive():
            time.sleep(0.1)
            if not folder.journal.exists():
                continue
            watch.update()
            if not watch.batches:
                continue
            (first, *_) = watch.batches
            recorded, began = len(watch.tree(first).nodes), time.monotonic()
            live = answer(port, token, "live?document=trees")
            (tree,) = answer(port, token, "trees/0")
            seconds.append(time.monotonic() - began)
            assert len(tree["parent"]) >= recorded
            sizes.append(len(tree["parent"]))
            states.add(live["state"])
    thread.join()
    assert median(seconds) < 0.25
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 5
    assert "running" in states


def answer(port: int, token: str, name: str) -> Any:
    status, content = get(port, token, f"/run/small/documents/{name}")
    assert status == 200, content
    return json.loads(content)
