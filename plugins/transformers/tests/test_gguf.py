"""A GGUF file is loaded by its path: the weights and text of the model that it was made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from strange_checkpoints import save
from transformers import AutoModelForCausalLM

from astro.errors import PolicyError
from astro.plugins import models
from astro.types import Prompt
from astro_hf.checkpoints import load_model
from astro_transformers.params import PolicyParams
from astro_transformers.policy import TransformersPolicy

NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "embed_tokens": "token_embd",
    "norm": "output_norm",
    "lm_head": "output",
}
HEADS = {"q_proj": 4, "k_proj": 2}
SIZES = {
    "context_length": 256,
    "embedding_length": 32,
    "block_count": 2,
    "feed_forward_length": 48,
    "head_count": 4,
    "head_count_kv": 2,
    "layer_norm_rms_eps": 1e-6,
    "rope_freq_base": 10000.0,
    "vocab_size": 375,
}


def converted(source: Path, target: Path) -> str:
    """Write the Llama in `source` as a GGUF file; needs the package gguf."""
    gguf = pytest.importorskip("gguf")
    writer: Any = gguf.GGUFWriter(target, "llama")
    for name, value in SIZES.items():
        getattr(writer, f"add_{name}")(value)
    stored = json.loads((source / "tokenizer.json").read_text())["model"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(sorted(stored["vocab"], key=stored["vocab"].get))
    writer.add_token_types([3] * 5 + [1] * (len(stored["vocab"]) - 5))
    writer.add_token_merges([" ".join(pair) for pair in stored["merges"]])
    writer.add_eos_token_id(4)
    writer.add_bos_token_id(1)
    writer.add_add_bos_token(False)
    writer.add_chat_template((source / "chat_template.jinja").read_text())
    for name, tensor in load_file(source / "model.safetensors").items():
        writer.add_tensor(*_renamed(name, tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return str(target)


def _renamed(name: str, tensor: torch.Tensor) -> tuple[str, Any]:
    """The name and the values in llama.cpp's order of rotary dimensions."""
    parts = name.removesuffix(".weight").removeprefix("model.").split(".")
    layer = f"blk.{parts[1]}." if parts[0] == "layers" else ""
    if heads := HEADS.get(parts[-1]):
        halves = tensor.reshape(heads, 2, -1, tensor.shape[1])
        tensor = halves.transpose(1, 2).reshape(tensor.shape)
    own = ".".join(parts[2:] if layer else parts)
    return f"{layer}{NAMES[own]}.weight", tensor.contiguous().numpy()


@pytest.mark.parametrize("alone", [True, False])
def test_a_gguf_file_is_the_model_it_was_made_from(tmp_path: Path, alone: bool) -> None:
    source = save(tmp_path / "source")
    folder = tmp_path / "alone" if alone else source
    folder.mkdir(exist_ok=True)
    policy = TransformersPolicy(PolicyParams(model=converted(source, folder / "tiny.gguf")))
    model = AutoModelForCausalLM.from_pretrained(source).eval()
    ids = torch.tensor([policy.prompt_ids(Prompt("the sum of 3\n\n  and 4"))])
    assert policy._encoder.detokenizer.text((), ids[0].tolist()) == (
        "user\nthe sum of 3\n\n  and 4\nassistant\n"
    )
    start = TransformersPolicy(PolicyParams(model=str(source)))
    assert ids[0].tolist() == list(start.prompt_ids(Prompt("the sum of 3\n\n  and 4")))
    with torch.inference_mode():
        torch.testing.assert_close(policy._model(ids).logits, model(ids).logits)


def test_a_gguf_file_is_found_and_is_not_trained(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    with pytest.raises(PolicyError, match="is not a folder"):
        models.checkpoint(str(path))
    path.write_bytes(b"GGUF")
    assert models.checkpoint(str(path)) == str(path)
    with pytest.raises(PolicyError, match="cannot load the model") as error:
        load_model(str(path), device=torch.device("cpu"), dtype="auto", train=True)
    assert "\n" not in str(error.value)
