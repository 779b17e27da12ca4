"""Numbers far beyond any use are refused instead of filling the memory or never ending."""

from __future__ import annotations

from typing import Any

import pytest

from astro.errors import ConfigError
from astro.plugins.registry import Registry

REQUIRED: dict[str, dict[str, Any]] = {"dvts": {"width": 1}}


@pytest.mark.parametrize(
    ("kind", "name", "param"),
    [
        ("search", "mcts", "expand"),
        ("search", "mcts", "leaves"),
        ("search", "best_of_n", "samples"),
        ("search", "self_consistency", "samples"),
        ("search", "beam", "width"),
        ("search", "beam", "expand"),
        ("search", "dvts", "samples"),
        ("search", "rebase", "samples"),
        ("search", "particle", "particles"),
        ("search", "tot_bfs", "width"),
        ("search", "tot_dfs", "expand"),
        ("value", "rollout", "rollouts"),
        ("linearizer", "backtrack", "max_backtracks"),
        ("linearizer", "backtrack", "traces_per_tree"),
        ("linearizer", "direct", "traces_per_tree"),
        ("executor", "local", "concurrency"),
    ],
)
def test_a_billion_is_refused(kind: str, name: str, param: str) -> None:
    registry = Registry.discover()
    required = REQUIRED.get(name, {})
    with pytest.raises(ConfigError, match=param):
        registry.params(kind, name, {**required, param: 10**9})
    registry.params(kind, name, {**required, param: 2})
