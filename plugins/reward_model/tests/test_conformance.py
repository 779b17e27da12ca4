"""The backend under the kit, as a process and as an outcome model."""

from __future__ import annotations

from pathlib import Path

import pytest

from astro.testing import RewardModelConformance


class TestProcessModel(RewardModelConformance):
    name = "reward_model"

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _params(cls, checkpoints: dict[str, Path]) -> None:
        cls.params = {"model": str(checkpoints["qwen_prm"]), "device": "cpu"}


class TestOutcomeModel(RewardModelConformance):
    name = "reward_model"
    outcome = True

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _params(cls, checkpoints: dict[str, Path]) -> None:
        cls.params = {"model": str(checkpoints["sequence_classification"]), "device": "cpu"}
