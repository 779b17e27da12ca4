"""The transformers policy under the kit."""

from __future__ import annotations

import pytest

from astro.testing import PolicyConformance


class TestTransformers(PolicyConformance):
    name = "transformers"

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def model(cls, llama: str) -> None:
        cls.params = {"model": llama}
