from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import OPTConfig, OPTForCausalLM

from astro.errors import TrainingError
from astro_hf.checkpoints import stored_dtype
from astro_torch_rl.device import Device, checkpoint_gradients, load_model
from astro_torch_rl.params import GrpoParams


def test_a_cpu_computes_in_float32_unless_told_otherwise() -> None:
    assert Device.choose(GrpoParams(device="cpu")).dtype is torch.float32
    assert Device.choose(GrpoParams(device="cpu", dtype="bfloat16")).dtype is torch.bfloat16


@pytest.mark.parametrize("name", ["nonsense", "cuda:99"])
def test_a_device_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(TrainingError, match=f"device '{name}' cannot be used"):
        Device.choose(GrpoParams(device=name))


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="cannot load the model of"):
        load_model(str(tmp_path), torch.device("cpu"))


def test_weights_are_float32_whatever_the_checkpoint(tiny_model: Path, tmp_path: Path) -> None:
    half = load_model(str(tiny_model), torch.device("cpu")).to(torch.bfloat16)
    half.save_pretrained(tmp_path)
    assert stored_dtype(str(tmp_path)) is torch.bfloat16
    loaded = load_model(str(tmp_path), torch.device("cpu"))
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    assert not loaded.training


def test_checkpointed_layers_run_again_in_the_backward_pass_without_dropout(
    tiny_model: Path,
) -> None:
    model = load_model(str(tiny_model), torch.device("cpu"))
    checkpoint_gradients(model)
    runs: list[str] = []
    model.model.layers[0].mlp.register_forward_pre_hook(lambda *_: runs.append("layer"))
    loss = model(torch.tensor([[2, 3]]), use_cache=False).logits.sum()
    assert runs == ["layer"]
    loss.backward()
    assert runs == ["layer", "layer"]
    assert not model.model.layers[0].self_attn.training


def test_checkpointed_layers_that_drop_out_themselves_do_not() -> None:
    shape = {"hidden_size": 16, "ffn_dim": 32, "word_embed_proj_dim": 16, "vocab_size": 9}
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 16}
    model = OPTForCausalLM(OPTConfig(**shape, **layers, dropout=0.5)).eval()
    ids = torch.tensor([[2, 3]])
    expected = model(ids).logits
    checkpoint_gradients(model)
    found = model(ids, use_cache=False).logits
    torch.testing.assert_close(found, expected)
    found.sum().backward()
    assert model.model.decoder.layers[0].fc1.weight.grad is not None
