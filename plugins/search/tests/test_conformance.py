"""The search under the kit, as the paper has it and with several leaves at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from astro.testing import SearchConformance


class TestMcts(SearchConformance):
    name = "mcts"
    params: Mapping[str, Any] = {"expand": 3, "iterations": 8}


class TestMctsWithLeaves(SearchConformance):
    name = "mcts"
    params: Mapping[str, Any] = {
        "selection": {"name": "uct"},
        "expand": 3,
        "iterations": 8,
        "leaves": 4,
        "revisit": True,
    }


class TestBestOfN(SearchConformance):
    name = "best_of_n"
    params: Mapping[str, Any] = {"samples": 12, "max_depth": 6}
