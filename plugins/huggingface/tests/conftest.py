"""What the tests of the plugin share: the library itself, with an empty cache and no network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets  # type: ignore[import-untyped]
import pytest

from astro.plugins.params import validate
from astro.types import Problem
from astro_huggingface.params import DatasetParams
from astro_huggingface.problems import HuggingFaceProblems

Load = Callable[..., list[Problem]]


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As HF_HUB_OFFLINE=1 in a process of its own, which the library reads when it is imported."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., str]:
    """Writes splits as Parquet files, as they lie in a repository of the hub."""

    def write(**splits: list[dict[str, Any]]) -> str:
        root = tmp_path / "set"
        for split, rows in splits.items():
            path = root / "data" / f"{split}-00000-of-00001.parquet"
            datasets.Dataset.from_list(rows).to_parquet(path)
        return str(root)

    return write


@pytest.fixture
def load() -> Load:
    """The problems of a split by params as in a config."""

    def load(split: str, **params: Any) -> list[Problem]:
        return list(HuggingFaceProblems(validate(DatasetParams, params)).load(split))

    return load
