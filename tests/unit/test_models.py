"""Names of models: shipped by a plugin, on disk, or on a hub."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from astro.errors import PolicyError
from astro.plugins.models import checkpoint


@dataclass
class Shipped:
    """An entry point of a distribution that ships a model."""

    folder: Path

    def load(self) -> Callable[[], Path]:
        return lambda: self.folder


def test_a_shipped_model_goes_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text("{}")
    shipped = Shipped(tmp_path)
    monkeypatch.setattr("astro.plugins.models.entry_points", lambda **_: [shipped])
    assert checkpoint("pocket") == str(tmp_path)
    shipped.folder = tmp_path / "gone"
    with pytest.raises(PolicyError, match=r"'pocket'.*gone is not a folder"):
        checkpoint("pocket")


def test_a_hub_name_is_left_as_it_is() -> None:
    assert checkpoint("Qwen/Qwen2.5-0.5B") == "Qwen/Qwen2.5-0.5B"


def test_a_slip_in_a_shipped_name_is_not_asked_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("astro.plugins.models.shipped", lambda: ["tiny-countdown"])
    with pytest.raises(PolicyError, match=r"'tiny-countdwn'; did you mean tiny-countdown\?"):
        checkpoint("tiny-countdwn")
    assert checkpoint("gpt2") == "gpt2"


@pytest.mark.parametrize("model", ["./x", "/x/y", "~/x", "runs/q/sft/model"])
def test_a_path_to_nothing_is_no_hub_name(model: str) -> None:
    with pytest.raises(PolicyError, match="is not a folder; give a Hugging Face checkpoint"):
        checkpoint(model)
