"""Tiny models of many families: the policy computes what plain transformers computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from strange_checkpoints import byte_level, enlarge, wrap
from transformers import AutoConfig, AutoModelForCausalLM

from astro.requests import Generate, LogProb
from astro.testing.policies import all_replies
from astro.types import Prompt
from astro_hf.look import check_saved
from astro_transformers.params import PolicyParams
from astro_transformers.policy import TransformersPolicy

pytestmark = pytest.mark.slow

TEXT = " so 12.\n\nBut wait"
SHAPE: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
    "bos_token_id": 1,
    "eos_token_id": 4,
    "pad_token_id": 0,
}
GLU: dict[str, Any] = {"intermediate_size": 48}
GROUPED: dict[str, Any] = {**GLU, "num_key_value_heads": 2}
HEADS: dict[str, Any] = {**GROUPED, "head_dim": 8}
EXPERTS: dict[str, Any] = {
    **HEADS,
    "num_experts": 4,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 16,
}
SHORT: dict[str, Any] = {"sliding_window": 6}
ROUTED: dict[str, Any] = {
    **EXPERTS,
    "n_routed_experts": 4,
    "n_group": 1,
    "topk_group": 1,
    "first_k_dense_replace": 1,
}
LATENT: dict[str, Any] = {
    **ROUTED,
    "num_key_value_heads": 4,
    "head_dim": 4,
    "q_lora_rank": 16,
    "kv_lora_rank": 8,
    "qk_rope_head_dim": 4,
    "qk_nope_head_dim": 8,
    "qk_head_dim": 12,
    "v_head_dim": 8,
}
TYPES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "no groups": ({}, ("gpt2", "gpt_neo", "gptj", "gpt_bigcode", "codegen", "bloom", "falcon")),
    "plain": (GLU, ("gpt_neox", "gpt_neox_japanese", "phi", "persimmon", "xglm")),
    "grouped": (
        GROUPED,
        (
            "llama",
            "qwen2",
            "stablelm",
            "starcoder2",
            "olmo",
            "olmo2",
            "granite",
            "cohere",
            "nemotron",
            "smollm3",
            "arcee",
            "phi3",
            "exaone4",
        ),
    ),
    "heads": (
        HEADS,
        (
            "qwen3",
            "gemma",
            "glm",
            "glm4",
            "helium",
            "diffllama",
            "seed_oss",
            "afmoe",
            "apertus",
            "aria_text",
            "biogpt",
            "bitnet",
            "opt",
            "mpt",
            "gemma4_text",
            "llama4_text",
            "ernie4_5",
            "hunyuan_v1_dense",
            "glm4_moe",
            "granitemoeshared",
            "ministral3",
            "flex_olmo",
            "cwm",
            "doge",
            "jais2",
            "nanochat",
            "ernie4_5_moe",
            "hunyuan_v1_moe",
            "solar_open",
            "jetmoe",
            "hyperclovax",
            "dbrx",
            "minimax_m2",
            "mimo_v2_flash",
            "exaone_moe",
            "granite_swa",
            "cohere2_moe",
            "hy_v3",
            "gemma3n_text",
        ),
    ),
    "windows": (
        {**HEADS, **SHORT},
        ("mistral", "gemma2", "gemma3_text", "cohere2", "ministral", "olmo3", "vaultgemma"),
    ),
    "experts": (
        EXPERTS,
        ("mixtral", "qwen2_moe", "qwen3_moe", "olmoe", "granitemoe", "phimoe", "gpt_oss"),
    ),
    "routed": (ROUTED, ("dots1",)),
    "latent": (
        LATENT,
        ("deepseek_v2", "deepseek_v3", "youtu", "minicpm3", "glm4_moe_lite", "longcat_flash"),
    ),
}
OVER: dict[str, dict[str, Any]] = {
    "gpt_neo": {"num_layers": 2, "num_heads": 4, "attention_types": [[["global", "local"], 1]]},
    "gptj": {"rotary_dim": 4},
    "codegen": {"rotary_dim": 4},
    "xglm": {"d_model": 32, "ffn_dim": 48, "num_layers": 2, "attention_heads": 4},
    "qwen2_moe": {"shared_expert_intermediate_size": 16},
    "granitemoe": {"intermediate_size": 16},
    "dots1": {"n_shared_experts": 1},
    "dbrx": {
        "d_model": 32,
        "n_heads": 4,
        "n_layers": 2,
        "max_seq_len": 256,
        "attn_config": {"kv_n_heads": 2, "clip_qkv": 8.0, "rope_theta": 10000.0},
        "ffn_config": {"ffn_hidden_size": 16, "moe_num_experts": 4, "moe_top_k": 2},
    },
    "gemma3n_text": {
        "layer_types": ["sliding_attention", "full_attention"],
        "sliding_window": 6,
        "num_kv_shared_layers": 0,
        "laurel_rank": 4,
        "hidden_size_per_layer_input": 8,
        "vocab_size_per_layer_input": 1000,
        "activation_sparsity_pattern": [0.0, 0.0],
        "altup_num_inputs": 2,
    },
    "longcat_flash": {
        "num_layers": 2,
        "zero_expert_num": 2,
        "ffn_hidden_size": 48,
        "expert_ffn_hidden_size": 16,
        "moe_topk": 2,
    },
}
CASES = [(kind, name) for kind, (_, names) in TYPES.items() for name in names]


def saved(name: str, kind: str, folder: Path) -> str:
    tokenizer = wrap(byte_level())
    shape = {**SHAPE, **TYPES[kind][0], **OVER.get(name, {}), "vocab_size": len(tokenizer)}
    config = AutoConfig.for_model(name, **shape)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    enlarge(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_family_is_computed_as_transformers_does(kind: str, name: str, tmp_path: Path) -> None:
    folder = saved(name, kind, tmp_path)
    policy = TransformersPolicy(PolicyParams(model=folder))
    prompts = [Prompt(text) for text in ("What is 3?", "the sum of 2 and 3 is five, so", "12")]
    asked = [Generate(prompt, temperature=0.0, max_tokens=12) for prompt in prompts]
    replies = all_replies(policy, asked)
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    for prompt, (sample,) in zip(prompts, replies, strict=True):
        start = policy.prompt_ids(prompt)
        ids = torch.tensor([[*start, *sample.token_ids]])
        with torch.inference_mode():
            logits = model(ids, use_cache=False).logits[0, len(start) - 1 : -1]
        assert tuple(logits.argmax(-1).tolist()) == sample.token_ids
        wanted = logits.log_softmax(-1).max(-1).values
        torch.testing.assert_close(torch.tensor(sample.logprobs), wanted, rtol=0, atol=2e-5)
        (scores,) = all_replies(policy, [LogProb(prompt, (TEXT,))])[0]
        given = policy._encoder.following(prompt, TEXT)
        with torch.inference_mode():
            rows = model(torch.tensor([[*start, *given]]), use_cache=False).logits[0]
        wanted = rows[len(start) - 1 : -1].log_softmax(-1)[range(len(given)), given]
        torch.testing.assert_close(torch.tensor(scores), wanted, rtol=0, atol=2e-5)


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_a_family_is_the_same_when_it_is_saved_again(kind: str, name: str, tmp_path: Path) -> None:
    folder = saved(name, kind, tmp_path / "start")
    policy = TransformersPolicy(PolicyParams(model=folder))
    policy._model.save_pretrained(tmp_path / "again")
    tokenizer = wrap(byte_level())
    tokenizer.save_pretrained(tmp_path / "again")
    check_saved(tmp_path / "again", policy._model, tokenizer)
