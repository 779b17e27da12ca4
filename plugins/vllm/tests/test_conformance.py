from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from astro.testing import PolicyConformance
from astro.types import Prompt


@pytest.mark.vllm
class TestVllm(PolicyConformance):
    name = "vllm"
    params: Mapping[str, Any] = {
        "model": "tiny-countdown",
        "dtype": "float32",
        "enforce_eager": True,
        "kv_cache_memory_bytes": 2**28,
    }
    prompts = (
        Prompt("use 3 5 8 to make 19"),
        Prompt("use 2 7 9 to make 23"),
        Prompt("use 3 5 8 to make 19", "3 + 5 = 8 left 8 8\n"),
    )
