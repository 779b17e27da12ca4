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


class TestMctsThatWidens(SearchConformance):
    name = "mcts"
    params: Mapping[str, Any] = {"expand": 3, "iterations": 10, "widening": {}}


class TestMctsThatKeepsRollouts(SearchConformance):
    name = "mcts"
    params: Mapping[str, Any] = {"expand": 3, "iterations": 6, "leaves": 2, "keep_rollouts": True}


class TestBestOfN(SearchConformance):
    name = "best_of_n"
    params: Mapping[str, Any] = {"samples": 12, "max_depth": 6}


class TestBeam(SearchConformance):
    name = "beam"
    params: Mapping[str, Any] = {"width": 3, "expand": 2, "max_depth": 6}


class TestDvts(SearchConformance):
    name = "dvts"
    params: Mapping[str, Any] = {"samples": 6, "width": 2, "max_depth": 6}


class TestRebase(SearchConformance):
    name = "rebase"
    params: Mapping[str, Any] = {"samples": 8, "max_depth": 6}


class TestParticle(SearchConformance):
    name = "particle"
    params: Mapping[str, Any] = {"particles": 6, "max_depth": 6}


class TestTotBfs(SearchConformance):
    name = "tot_bfs"
    params: Mapping[str, Any] = {"width": 2, "expand": 3, "max_depth": 6}


class TestTotDfs(SearchConformance):
    name = "tot_dfs"
    params: Mapping[str, Any] = {"expand": 3, "threshold": 0.2, "solutions": 3, "visits": 20}


class TestAbMcts(SearchConformance):
    name = "ab_mcts"
    params: Mapping[str, Any] = {"iterations": 16, "max_depth": 6}


class TestSelfConsistency(SearchConformance):
    name = "self_consistency"
    params: Mapping[str, Any] = {"samples": 12, "at_once": 3, "max_depth": 6}
