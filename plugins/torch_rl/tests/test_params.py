from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from astro.binding import Binding
from astro.errors import ConfigError
from astro.registry import Registry


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"grup_size": 4}, "did you mean group_size"),
        ({"group_size": 1}, "group_size: expected greater than or equal to 2"),
        ({"min_pass_rate": 0.9}, "min_pass_rate is above max_pass_rate"),
        ({"old_logprobs": "sampler", "temperature": 0.7}, "needs temperature 1"),
        ({"aggregation": "sum"}, "aggregation"),
    ],
)
def test_bad_params_are_named(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Registry.discover().params("rl", "grpo", params)


def test_the_registry_builds_it() -> None:
    trainer = Registry.discover().build("rl", Binding(name="grpo"), step_format=None)
    assert callable(trainer.train)


def test_params_are_checked_without_an_engine() -> None:
    script = "import sys, astro_torch_rl.params; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
