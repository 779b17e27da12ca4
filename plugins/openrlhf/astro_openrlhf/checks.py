"""Checks before OpenRLHF is started. Each of them runs in OpenRLHF's own interpreter."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from astro.errors import MissingEngineError, TrainingError
from astro_openrlhf.keeper import NOT_STARTED, running
from astro_openrlhf.progress import last_error
from astro_openrlhf.reward import take_found

VERSION = "0.11.2"
_SECONDS = 300.0
_GRACE_SECONDS = 1.0
_HERE = "pip install --no-deps astro-reasoner astro-reasoner-openrlhf and the verifier's package"


def check_flags(
    python: Sequence[str], module: str, flags: Sequence[str], env: Mapping[str, str]
) -> str:
    """Let OpenRLHF parse the command line, and return the result in words.

    Raises:
        MissingEngineError: OpenRLHF is not installed.
        TrainingError: OpenRLHF rejects the flags; the message contains its own.
    """
    source = files("astro_openrlhf").joinpath("argcheck.py").read_text(encoding="utf-8")
    complaint = _complaint([*python, "-c", source, module, *flags], env)
    if "No module named 'openrlhf'" in complaint:
        raise MissingEngineError(
            f"{' '.join(python)} has no OpenRLHF",
            f"pip install openrlhf=={VERSION} there, or set the param python",
        )
    if complaint:
        raise TrainingError(
            f"OpenRLHF rejects its flags: {complaint}", "check extra_flags and the params it names"
        )
    return f"OpenRLHF's parser accepts the {len(flags)} words of its flags"


def check_reward(python: Sequence[str], module: Path, env: Mapping[str, str]) -> str:
    """Let the reward module verify an empty response there, and return the result in words.

    Raises:
        MissingEngineError: The interpreter cannot be started.
        TrainingError: The verifier cannot run there, or OpenRLHF has another version.
    """
    complaint = _complaint([*python, str(module)], env)
    if complaint:
        raise TrainingError(
            f"the verifier cannot run in {' '.join(python)}: {complaint}", f"there: {_HERE}"
        )
    found = take_found(module.parent)
    if found is None:
        raise TrainingError(
            f"{' '.join(python)} has run, but left no verdict",
            "set the param python to an interpreter that can read the run's folder",
        )
    if found.openrlhf != VERSION:
        raise TrainingError(
            f"{' '.join(python)} has OpenRLHF {found.openrlhf}, and {VERSION} is needed",
            f"pip install openrlhf=={VERSION} there",
        )
    verdict = f"{found.verdict.status} {found.verdict.reason}".strip()
    return f"the verifier runs beside OpenRLHF {VERSION} (on an empty response: {verdict})"


def _complaint(command: Sequence[str], env: Mapping[str, str]) -> str:
    """Return a command's own error message; empty if it succeeds.

    The command is run by the keeper, as a training is, so processes that it leaves behind, such as
    a verifier's server, are ended with it.
    """
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        env = {"PYTHONUNBUFFERED": "1", **env}
        with running(command, log=log, env=env, grace=_GRACE_SECONDS) as keeper:
            try:
                code = keeper.wait(_SECONDS)
            except subprocess.TimeoutExpired:
                words = last_error(log.read_text(errors="replace"))
                raise TrainingError(
                    f"{command[0]} did not answer within {_SECONDS:g} s: {words}"
                ) from None
        words = last_error(log.read_text(errors="replace"))
    if code == NOT_STARTED:
        raise MissingEngineError(
            f"cannot start {words}",
            f"make an environment with openrlhf=={VERSION}, and set the param python to it",
        )
    return words if code else ""
