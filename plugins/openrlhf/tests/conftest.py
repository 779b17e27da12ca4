"""OpenRLHF as its sources alone, for its parser, and as a whole in `.venv-openrlhf`."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import pytest

from astro.interfaces import RLJob, StepFormat
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.registry import Registry
from astro.types import Problem
from astro_openrlhf.keeper import running

ROOT = Path(__file__).parents[3]
OPENRLHF = ROOT / ".venv-openrlhf" / "bin" / "python"
SOURCES = Path(sys.prefix) / "reference"
ENVIRONMENT = {
    "PYTHONPATH": str(Path(__file__).parent / "cpu"),
    "DS_ACCELERATOR": "cpu",
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
}
MOODY = """
from astro.plugins.hookspecs import Provider, hookimpl
from astro.plugins.registry import Registry
from astro.types import Status, Verdict


class Moody:
    def __init__(self, params):
        self.calls = 0

    def verify(self, problem, response):
        self.calls += 1
        if problem.id == "bad" or len(response) % 2:
            raise ValueError("not today")
        return Verdict(Status.CORRECT, response)


@hookimpl
def astro_providers():
    return [Provider("verifier", "moody", "raises at times", target="astro_moody:Moody")]
"""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("openrlhf") and not OPENRLHF.exists():
        pytest.skip("OpenRLHF is not installed here; `make test-openrlhf` installs it")


@pytest.fixture(scope="session")
def sources() -> dict[str, str]:
    """Environment variables with which this interpreter has OpenRLHF's sources."""
    if not (SOURCES / "openrlhf").is_dir():
        pytest.skip("needs the sources of openrlhf; `make test` brings them")
    return {"PYTHONPATH": str(SOURCES)}


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of the dashboard of a Ray cluster on this machine, with pretended GPUs."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    size = ["--num-cpus", "16", "--num-gpus", "8", "--object-store-memory", "200000000"]
    # A folder of its own, with a short name for sockets: other programs' Ray does not find it.
    with TemporaryDirectory(prefix="ray") as folder:
        own = ["--temp-dir", folder, "--port", "0", "--dashboard-port", str(port)]
        command = [str(OPENRLHF), "-m", "ray.scripts.scripts", "start", "--head", "--block"]
        log, env = Path(folder, "log"), {"RAY_USAGE_STATS_ENABLED": "0"}
        with running([*command, *own, *size], log=log, env=env, grace=5) as keeper:
            while not _has_nodes(address):
                assert keeper.poll() is None, log.read_text()
                time.sleep(0.5)
            yield address


def _has_nodes(address: str) -> bool:
    try:
        with urlopen(f"{address}/nodes?view=summary", timeout=5) as reply:
            return bool(json.load(reply)["data"]["summary"])
    except OSError:
        return False


@pytest.fixture(scope="session")
def cpu() -> dict[str, Any]:
    """Params with which OpenRLHF trains on a CPU."""
    return {
        "python": str(OPENRLHF),
        "env": ENVIRONMENT,
        "gpus_per_node": 1,
        "micro_batch_size": 16,
        "attention": "sdpa",
        "schedule": "constant_with_warmup",
    }


@pytest.fixture(scope="session")
def problems() -> list[Problem]:
    source = Registry.discover().build("problems", Binding(name="countdown"))
    return list(source.load("train"))[:40]


@pytest.fixture(scope="session")
def step_format() -> StepFormat:
    found: StepFormat = Registry.discover().build("step_format", Binding(name="countdown"))
    return found


@pytest.fixture
def job(problems: list[Problem], tmp_path: Path) -> RLJob:
    """RL of the tiny model on a few problems."""
    return RLJob(
        problems,
        model="tiny-countdown",
        policy=Binding(name="transformers", params={"model": "tiny-countdown"}),
        reward=VerifierBinding(name="countdown", timeout=10),
        run_dir=tmp_path / "run" / "rl",
        seed=0,
    )


@pytest.fixture
def moody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for PYTHONPATH with a third party's package: a verifier that raises at times."""
    folder = tmp_path / "third-party"
    meta = folder / "astro_moody-1.dist-info"
    meta.mkdir(parents=True)
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: astro-moody\nVersion: 1\n")
    (meta / "entry_points.txt").write_text("[astro]\nmoody = astro_moody\n")
    (folder / "astro_moody.py").write_text(MOODY)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    return folder


@pytest.fixture
def build() -> Callable[..., Any]:
    """Builds a trainer by its name and params."""

    def make(kind: str, name: str, params: dict[str, Any], **collaborators: Any) -> Any:
        binding = Binding(name=name, params=params)
        return Registry.discover().build(kind, binding, **collaborators)

    return make
