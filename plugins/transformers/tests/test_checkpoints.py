from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from transformers import MambaConfig, MambaForCausalLM, PreTrainedTokenizerFast

from astro.errors import PolicyError
from astro_transformers import checkpoints
from astro_transformers.params import PolicyParams
from astro_transformers.policy import TransformersPolicy


@dataclass
class Shipped:
    """An entry point of a distribution that ships a model."""

    folder: Path

    def load(self) -> Callable[[], Path]:
        return lambda: self.folder


def test_a_shipped_model_goes_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text("{}")
    shipped = Shipped(tmp_path)
    monkeypatch.setattr("astro.models.entry_points", lambda **_: [shipped])
    assert checkpoints.resolve("pocket") == str(tmp_path)
    shipped.folder = tmp_path / "gone"
    with pytest.raises(PolicyError, match=r"'pocket'.*gone is not a folder"):
        checkpoints.resolve("pocket")


def test_a_hub_name_is_left_as_it_is() -> None:
    assert checkpoints.resolve("Qwen/Qwen2.5-0.5B") == "Qwen/Qwen2.5-0.5B"


def test_a_slip_in_a_shipped_name_is_not_asked_of_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("astro.models.shipped", lambda: ["tiny-countdown"])
    with pytest.raises(PolicyError, match=r"'tiny-countdwn'; did you mean tiny-countdown\?"):
        checkpoints.resolve("tiny-countdwn")
    assert checkpoints.resolve("gpt2") == "gpt2"


@pytest.mark.parametrize("model", ["./x", "/x/y", "~/x", "runs/q/sft/model"])
def test_a_path_to_nothing_is_no_hub_name(model: str) -> None:
    with pytest.raises(PolicyError, match="is not a folder; give a Hugging Face checkpoint"):
        checkpoints.resolve(model)


def test_a_checkpoint_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(PolicyError, match="cannot load the tokenizer") as error:
        TransformersPolicy(PolicyParams(model=str(tmp_path)))
    assert "\n" not in str(error.value)


def test_models_with_recurrent_state_are_refused(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    config = MambaConfig(vocab_size=70, hidden_size=16, num_hidden_layers=1, state_size=4)
    MambaForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(PolicyError, match="keeps recurrent state"):
        TransformersPolicy(PolicyParams(model=str(tmp_path)))
