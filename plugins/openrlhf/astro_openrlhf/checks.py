"""What is looked at before OpenRLHF is started, each in OpenRLHF's own interpreter."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import msgspec

from astro.errors import MissingEngineError, TrainingError
from astro.files import encode
from astro.text import plain
from astro.types import Problem
from astro_openrlhf.reward import Found

VERSION = "0.11.2"
_SECONDS = 900.0
_HERE = "pip install --no-deps astro-reasoner astro-reasoner-openrlhf and the verifier's package"


def check_flags(
    python: Sequence[str], module: str, flags: Sequence[str], env: Mapping[str, str]
) -> str:
    """Have OpenRLHF parse the command line. Returns what was found, in words.

    Raises `MissingEngineError` if it is not there, and `TrainingError` with its own complaint.
    """
    source = files("astro_openrlhf").joinpath("argcheck.py").read_text(encoding="utf-8")
    done = _run([*python, "-c", source, module, *flags], env)
    if done.returncode:
        complaint = _last_line(done.stderr)
        if "No module named 'openrlhf'" in complaint:
            raise MissingEngineError(
                f"{' '.join(python)} has no OpenRLHF",
                f"pip install openrlhf=={VERSION} there, or set the param python",
            )
        raise TrainingError(
            f"OpenRLHF refuses its flags: {complaint}", "see extra_flags, and the params it names"
        )
    return f"OpenRLHF's parser takes the {len(flags)} words of its flags"


def check_reward(
    python: Sequence[str], module: Path, problem: Problem, env: Mapping[str, str]
) -> str:
    """Have the reward module judge an empty response there. Returns what was found, in words.

    Raises `TrainingError` with what it lacks.
    """
    done = _run([*python, str(module)], env, encode(problem).decode())
    if done.returncode:
        raise TrainingError(
            f"the verifier cannot run in {' '.join(python)}: {_last_line(done.stderr)}",
            f"there: {_HERE}",
        )
    found = msgspec.json.decode(_last_line(done.stdout), type=Found)
    if found.openrlhf != VERSION:
        raise TrainingError(
            f"{' '.join(python)} has OpenRLHF {found.openrlhf}, and {VERSION} is needed",
            f"pip install openrlhf=={VERSION} there",
        )
    verdict = f"{found.verdict.status} {found.verdict.reason}".strip()
    return f"the verifier runs beside OpenRLHF {VERSION} (on an empty response: {verdict})"


def _run(
    command: Sequence[str], env: Mapping[str, str], given: str = ""
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            env={**os.environ, **env},
            input=given,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except OSError as error:
        raise MissingEngineError(
            f"cannot start {command[0]}: {error.strerror}",
            f"make an environment with openrlhf=={VERSION}, and set the param python to it",
        ) from None
    except subprocess.TimeoutExpired:
        raise TrainingError(f"{command[0]} did not answer within {_SECONDS:g} s") from None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in plain(text).splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
