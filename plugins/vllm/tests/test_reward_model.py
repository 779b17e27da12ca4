"""Scores of vLLM against those of `reward_model`, which has tests against the families' recipes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from reward_checkpoints import save_families

from astro.errors import PolicyError
from astro.interfaces import Backend
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro.requests import Failure, Score
from astro.testing import RewardModelConformance
from astro.testing.policies import all_replies
from astro.types import Prompt

SMALL = {"dtype": "float32", "enforce_eager": True, "kv_cache_memory_bytes": 2**26}
STEPS = ("Janet has 3 + 4 = 7 eggs.\n", "so 7 - 2 = 5 are left.\n", "the answer is \\boxed{5}\n")
RESPONSES = (STEPS, STEPS[:1], (STEPS[0], "so 7 - 2 = 4\n"), ("5\n",))
NAMED = ("math_shepherd", "rlhflow_prm")


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return save_families(tmp_path_factory.mktemp("reward"))


@contextmanager
def built(name: str, **params: Any) -> Iterator[Backend]:
    model: Backend = Registry.discover().build("reward_model", Binding(name=name, params=params))
    yield model
    model.close()


def asked(*responses: tuple[str, ...]) -> list[Score]:
    return [Score(Prompt("Is 3 + 4 = 7?\n\nJanet asks <extra_0>."), steps) for steps in responses]


@pytest.mark.vllm
@pytest.mark.parametrize(
    "family",
    ["qwen_prm", "token_classification", "sequence_classification", "llama", *NAMED],
)
def test_scores_are_those_of_transformers(checkpoints: dict[str, Path], family: str) -> None:
    params: dict[str, Any] = {"model": str(checkpoints[family])}
    params |= {"family": family} if family in NAMED else {}
    with built("reward_model", device="cpu", **params) as model:
        expected = all_replies(model, asked(*RESPONSES))
    with built("vllm_reward_model", **params, **SMALL) as model:
        found = all_replies(model, asked(*RESPONSES, STEPS * 40))
    for scores, wanted in zip(found[:-1], expected, strict=True):
        assert scores == pytest.approx(wanted, abs=1e-3)
    assert len({round(scores[-1], 4) for scores in found[:-1]}) > 1
    assert isinstance(found[-1], Failure)
    assert "more than the reward model's 511" in found[-1].reason


@pytest.mark.vllm
class TestProcessModel(RewardModelConformance):
    name = "vllm_reward_model"

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _params(cls, checkpoints: dict[str, Path]) -> None:
        cls.params = {"model": str(checkpoints["qwen_prm"]), **SMALL}


@pytest.mark.vllm
class TestOutcomeModel(RewardModelConformance):
    name = "vllm_reward_model"
    outcome = True

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _params(cls, checkpoints: dict[str, Path]) -> None:
        cls.params = {"model": str(checkpoints["sequence_classification"]), **SMALL}


@pytest.mark.vllm
@pytest.mark.parametrize(
    ("family", "params", "error"),
    [
        ("skywork_prm", {"family": "skywork_prm"}, "does not serve reward models with a value"),
        ("rlhflow_prm", {}, "set family: math_shepherd or rlhflow_prm"),
    ],
)
def test_a_model_that_is_not_served_is_refused(
    checkpoints: dict[str, Path], family: str, params: dict[str, str], error: str
) -> None:
    params = {"model": str(checkpoints[family]), **params}
    with pytest.raises(PolicyError, match=error):
        Registry.discover().build("reward_model", Binding(name="vllm_reward_model", params=params))
