"""A small run of search and linearization with a scripted policy, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Launch = Callable[..., "subprocess.Popen[str]"]

WALKER: dict[str, Any] = {
    "name": "walk",
    "seed": 5,
    "problems": {"name": "countdown", "params": {"train": 120, "test": 20}},
    "step_format": {"name": "countdown"},
    "policy": {"name": "countdown_walker"},
    "executor": {"name": "local", "params": {"concurrency": 16}},
    "verifier": {"name": "countdown"},
    "search": {"name": "mcts", "params": {"expand": 4, "iterations": 16}},
    "value": {"name": "rollout", "params": {"rollouts": 2, "max_tokens": 64}},
    "linearizer": {"name": "backtrack"},
    "control": {"name": "direct"},
    "evaluate": {"models": ["base"], "samples": 2, "max_tokens": 64},
}


@pytest.fixture(autouse=True)
def heed_interrupts() -> None:
    """What a shell starts in the background ignores Ctrl-C, and what nohup starts SIGHUP.

    So would all that it starts.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    """Starts `astro run` on a config, by default the walker's up to linearization."""

    def start(
        runs: Path, *arguments: str, config: dict[str, Any] | None = None, **options: Any
    ) -> subprocess.Popen[str]:
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(config or WALKER))
        command = [sys.executable, "-m", "astro", "run", str(path), "--runs", str(runs)]
        return subprocess.Popen(
            [*command, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            **options,
        )

    return start
