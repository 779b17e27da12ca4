"""What this machine has: a GPU, models, servers and programs."""

from __future__ import annotations

import shutil
import socket
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from astro.plugins import models
from astro.rehearsal.rehearsable import Machine


def this_machine() -> Machine:
    """The machine that runs this process, looked at without importing an engine."""
    gpu = any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/kfd").exists()
    return Machine(gpu, has_model, answers, has_program, installed_version)


def has_model(model: str) -> bool:
    """Whether a plugin ships the model, or it is a local folder or in Hugging Face's cache."""
    return model in models.shipped() or models.on_disk(model) is not None


def answers(url: str) -> bool:
    """Whether something listens at the host and port of a URL."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=2.0).close()
    except OSError:
        return False
    return True


def has_program(program: str) -> bool:
    """Whether a program is on the path, or is an executable file."""
    return shutil.which(program) is not None


def installed_version(distribution: str) -> str:
    """The version of an installed distribution; empty where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
