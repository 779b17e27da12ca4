"""The walker under the kit; the verifier's lies beside its cases in test_verifier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from astro.testing import PolicyConformance
from astro.types import Prompt


class TestWalker(PolicyConformance):
    name = "countdown_walker"
    params: Mapping[str, Any] = {"steps_to_finish": 3}
    prompts = (
        Prompt("use 3 5 8 to make 25"),
        Prompt("use 2 7 9 11 to make 20"),
        Prompt("use 3 5 8 to make 25", "3 + 5 = 8 left 8 8\n"),
    )
    max_tokens = 40
