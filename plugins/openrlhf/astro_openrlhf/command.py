"""The command that starts OpenRLHF, and the loop that reads its log."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from astro.errors import TrainingError, VerifierError
from astro_openrlhf import progress, reward
from astro_openrlhf.keeper import running
from astro_openrlhf.workspace import Workspace

ENVIRONMENT = {"PYTHONUNBUFFERED": "1", "RAY_DEDUP_LOGS": "0"}
"""Variables that make OpenRLHF write every line to the log, and at once."""
_POLL_SECONDS = 0.5
_TAIL_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Command:
    """A command line.

    Attributes:
        words: The command and its arguments.
        env: Environment variables to set for it.
        stop: A command that stops it; empty if it suffices to end the process.
    """

    words: tuple[str, ...]
    env: Mapping[str, str]
    stop: tuple[str, ...] = ()

    def on_cluster(self, python: Sequence[str], address: str) -> Command:
        """Return a command that submits this one to the Ray cluster with this dashboard address."""
        ray = (*python, "-m", "ray.scripts.scripts", "job")
        name = f"astro-{uuid.uuid4().hex[:12]}"
        runtime = json.dumps({"env_vars": {**ENVIRONMENT, **self.env}})
        submit = ("submit", "--address", address, "--submission-id", name)
        return Command(
            (*ray, *submit, "--runtime-env-json", runtime, "--", *self.words),
            self.env,
            (*ray, "stop", "--address", address, name),
        )


def follow(command: Command, workspace: Workspace, on_line: Callable[[str], None]) -> None:
    """Run `command` to its end, and call `on_line` with each line of its log as it appears.

    Raises:
        VerifierError: The reward function has left an alarm.
        TrainingError: OpenRLHF failed; the message contains its last error.
    """
    start = workspace.log.stat().st_size if workspace.log.exists() else 0
    env = {**ENVIRONMENT, **command.env}
    with running(command.words, log=workspace.log, env=env, stop=command.stop) as keeper:
        for line in _lines(workspace.log, start, keeper):
            on_line(line)
            _raise_alarm(workspace)
    _raise_alarm(workspace)
    if keeper.returncode:
        words = progress.last_error(_tail(workspace.log, start))
        raise TrainingError(f"OpenRLHF failed: {words}", f"its log is {workspace.log}")


def _raise_alarm(workspace: Workspace) -> None:
    if alarm := reward.read_alarm(workspace.folder):
        raise VerifierError(*alarm)


def _lines(log: Path, start: int, keeper: subprocess.Popen[bytes]) -> Iterator[str]:
    """Yield lines of `log` from `start` until the keeper ends, and "" while there are none.

    Progress bars end their lines with a carriage return.
    """
    rest = b""
    position = start
    while True:
        ended = keeper.poll() is not None
        chunk = _read(log, position)
        position += len(chunk)
        *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace")
        if ended and not chunk:
            return
        if not chunk:
            yield ""
            time.sleep(_POLL_SECONDS)


def _read(log: Path, position: int) -> bytes:
    if not log.exists():
        return b""
    with log.open("rb") as file:
        file.seek(position)
        return file.read(_TAIL_BYTES)


def _tail(log: Path, start: int) -> str:
    size = log.stat().st_size
    return _read(log, max(start, size - _TAIL_BYTES)).decode("utf-8", "replace")
