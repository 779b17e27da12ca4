"""A real vLLM with the real tiny model, on a CPU. Tests marked `vllm` are skipped without it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import pytest

from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro.testing.policies import all_replies
from astro.types import Prompt
from astro_vllm.params import PolicyParams

CPU = {
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "TORCHDYNAMO_DISABLE": "1",
    "VLLM_CPU_CI_ENV": "1",
}
"""No compilation and no warm-up, which would take longer than the tests."""

SMALL = {"dtype": "float32", "enforce_eager": True, "kv_cache_memory_bytes": 2**28}

Run = Callable[..., list[Any]]
Serve = Callable[..., Any]


def pytest_configure() -> None:
    if find_spec("vllm"):
        for name, value in CPU.items():
            os.environ.setdefault(name, value)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("vllm") and not find_spec("vllm"):
        pytest.skip("vllm is not installed here; `make test-vllm` installs it")


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """Builds policies, on the tiny model by default, one at a time, and closes them.

    The last one is used again if it is asked for again, unless `fresh`.
    """
    from astro_vllm.policy import VllmPolicy

    serving: dict[str, VllmPolicy] = {}

    def build(model: str = "tiny-countdown", fresh: bool = False, **params: Any) -> VllmPolicy:
        wanted = PolicyParams(model=model, **{**SMALL, **params})
        if fresh or repr(wanted) not in serving:
            close()
            serving[repr(wanted)] = VllmPolicy(wanted)
        return serving[repr(wanted)]

    def close() -> None:
        while serving:
            serving.popitem()[1].close()

    yield build
    close()


@pytest.fixture(scope="session")
def run() -> Run:
    """Asks a policy; replies in order. With `every`, one request arrives each so many steps."""

    return all_replies


@pytest.fixture(scope="session")
def prompts() -> list[Prompt]:
    """Forty problems of countdown; every other one with the first step of a response."""
    source = Registry.discover().build("problems", Binding(name="countdown"))
    texts = [problem.prompt for problem in source.load("train")[:40]]
    return [Prompt(text, "3 + 5 = 8 left 8 8\n" * (i % 2)) for i, text in enumerate(texts)]
