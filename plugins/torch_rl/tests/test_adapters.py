from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    MixtralConfig,
    PretrainedConfig,
    PreTrainedModel,
)

from astro.errors import TrainingError
from astro_hf import adapters
from astro_hf.params import Lora
from astro_torch_rl.device import load_model

pytest.importorskip("peft")

CPU = torch.device("cpu")
SHAPE = {
    "vocab_size": 9,
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
}
IDS = torch.tensor([[2, 3, 7, 1]])


@pytest.fixture
def adapted(tiny_model: Path) -> PreTrainedModel:
    """A model whose adapters say something."""
    model = load_model(str(tiny_model), CPU)
    adapters.attach(model, Lora(rank=2, alpha=8), seed=0)
    generator = torch.Generator().manual_seed(0)
    for weight in adapters.trained(model).values():
        weight.copy_(torch.randn(weight.shape, generator=generator))
    return model


def logits(model: PreTrainedModel) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model(IDS).logits
    return found


def test_new_adapters_change_nothing_and_alone_are_trained(tiny_model: Path) -> None:
    model = load_model(str(tiny_model), CPU)
    before = logits(model)
    adapters.attach(model, Lora(rank=2), seed=0)
    torch.testing.assert_close(logits(model), before)
    names = adapters.trained(model)
    assert names
    assert all(".lora_" in name for name in names)
    layers = {name.partition(".lora_")[0].rpartition(".")[2] for name in names}
    assert layers == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def test_the_same_seed_makes_the_same_adapters_and_touches_no_other(tiny_model: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    found = []
    for _ in range(2):
        model = load_model(str(tiny_model), CPU)
        adapters.attach(model, Lora(rank=2), seed=1)
        found.append(adapters.trained(model))
    assert torch.rand(1) == expected
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_merged_weights_make_a_plain_model_say_the_same(
    tiny_model: Path, adapted: PreTrainedModel
) -> None:
    plain = load_model(str(tiny_model), CPU)
    before = logits(plain)
    own = {name: weight.clone() for name, weight in adapted.state_dict().items()}
    weights = adapters.merged(adapted)
    assert weights.keys() == plain.state_dict().keys()
    plain.load_state_dict(dict(weights))
    torch.testing.assert_close(logits(plain), logits(adapted), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(logits(plain), before)
    assert all(torch.equal(own[name], w) for name, w in adapted.state_dict().items())


def test_a_folded_model_is_a_plain_one(adapted: PreTrainedModel, tmp_path: Path) -> None:
    expected, names = logits(adapted), adapters.merged(adapted).keys()
    adapters.fold(adapted)
    assert adapted.state_dict().keys() == names
    adapted.save_pretrained(tmp_path)
    saved = AutoModelForCausalLM.from_pretrained(tmp_path)
    torch.testing.assert_close(logits(saved), expected, atol=1e-4, rtol=1e-4)


def test_a_model_without_adapters_is_merged_as_it_is(tiny_model: Path) -> None:
    model = load_model(str(tiny_model), CPU)
    before = logits(model)
    assert adapters.merged(model).keys() == model.state_dict().keys()
    adapters.fold(model)
    assert torch.equal(logits(model), before)
    assert adapters.trained(model).keys() == dict(model.named_parameters()).keys()


@pytest.mark.parametrize(
    ("config", "targets", "expected"),
    [
        (LlamaConfig(**SHAPE, tie_word_embeddings=True), ["lm_head"], "shares its weight"),
        (MixtralConfig(**SHAPE, num_local_experts=2), "all-linear", "no weight of its own"),
    ],
)
def test_what_cannot_be_merged_is_refused(
    config: PretrainedConfig, targets: list[str] | str, expected: str
) -> None:
    model = AutoModelForCausalLM.from_config(config)
    with pytest.raises(TrainingError, match=expected):
        adapters.attach(model, Lora(targets=targets), seed=0)


def test_targets_that_are_not_there_are_an_error(tiny_model: Path) -> None:
    model = load_model(str(tiny_model), CPU)
    with pytest.raises(TrainingError, match=r"params.lora: .*nowhere.*all-linear"):
        adapters.attach(model, Lora(targets=["nowhere"]), seed=0)
