"""Tiny random models with a word-level tokenizer, made once in a temporary folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    Gemma4ForCausalLM,
    Gemma4TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

CHAT = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
WORDS = ["<pad>", "<eos>", "<user>", "<assistant>", "<system>", " ", "\n", "\n\n", ".", "+", "="]


def make_tokenizer(chat: bool = True) -> PreTrainedTokenizerFast:
    """Numbers, spaces and newlines are tokens; tokens decode to their concatenation."""
    words = [*WORDS, *map(str, range(50)), "é"]
    backend = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="."))
    split = Regex(r"<\w+>|\d+|\n\n|.|\n")
    backend.pre_tokenizer = pre_tokenizers.Split(split, "isolated")
    backend.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<eos>", pad_token="<pad>"
    )
    tokenizer.chat_template = CHAT if chat else None
    return tokenizer


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    return make_tokenizer()


def save(model: PreTrainedModel, folder: Path, chat: bool = True) -> str:
    tokenizer = make_tokenizer(chat)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


VOCABULARY = len(WORDS) + 51
SHAPE = {
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 128,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,
    "eos_token_id": 1,
    "pad_token_id": 0,
}
"""Two layers, four query heads on two key-value heads; sharp enough to have opinions."""


def make_llama() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SHAPE))


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save(make_llama(), tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="session")
def sliding(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Attends to the last six tokens only."""
    torch.manual_seed(1)
    config = MistralConfig(**SHAPE, sliding_window=6)
    return save(MistralForCausalLM(config), tmp_path_factory.mktemp("mistral"))


@pytest.fixture(scope="session")
def absolute(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Learns its positions, as GPT-2 does, and has no chat template."""
    torch.manual_seed(2)
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=128,
        n_embd=32,
        n_layer=2,
        n_head=4,
        initializer_range=0.3,
        bos_token_id=1,
        eos_token_id=1,
        pad_token_id=0,
    )
    return save(GPT2LMHeadModel(config), tmp_path_factory.mktemp("gpt2"), chat=False)


@pytest.fixture(scope="session")
def latent(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its keys are wider than its values, as those of all with multi-head latent attention."""
    torch.manual_seed(3)
    config = DeepseekV3Config(
        **{**SHAPE, "num_key_value_heads": 4},
        moe_intermediate_size=16,
        first_k_dense_replace=1,
        q_lora_rank=None,
        kv_lora_rank=16,
        qk_rope_head_dim=8,
        qk_nope_head_dim=8,
        v_head_dim=8,
        n_routed_experts=4,
        n_shared_experts=1,
        num_experts_per_tok=2,
        n_group=1,
        topk_group=1,
    )
    return save(DeepseekV3ForCausalLM(config), tmp_path_factory.mktemp("deepseek"))


@pytest.fixture(scope="session")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its heads are wider in the second layer than in the first."""
    torch.manual_seed(4)
    config = Gemma4TextConfig(
        **SHAPE,
        layer_types=["sliding_attention", "full_attention"],
        sliding_window=6,
        head_dim=8,
        global_head_dim=16,
        num_kv_shared_layers=0,
        hidden_size_per_layer_input=0,
        vocab_size_per_layer_input=VOCABULARY,
    )
    return save(Gemma4ForCausalLM(config), tmp_path_factory.mktemp("gemma4"))


@pytest.fixture(scope="session")
def longrope(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Changes its rotary factors at 24 tokens."""
    torch.manual_seed(5)
    config = Phi3Config(
        **SHAPE,
        original_max_position_embeddings=24,
        rope_parameters={
            "rope_type": "longrope",
            "rope_theta": 10000.0,
            "short_factor": [1.0] * 4,
            "long_factor": [2.0, 4.0, 8.0, 16.0],
        },
    )
    return save(Phi3ForCausalLM(config), tmp_path_factory.mktemp("phi3"))


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Keys and values take 64 KiB a token, and little else takes memory."""
    torch.manual_seed(6)
    shape = {**SHAPE, "num_hidden_layers": 8, "num_attention_heads": 16, "num_key_value_heads": 16}
    return save(
        LlamaForCausalLM(LlamaConfig(**shape, head_dim=64)), tmp_path_factory.mktemp("wide")
    )


@pytest.fixture(scope="session")
def tied(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Its output layer is its embedding."""
    torch.manual_seed(7)
    config = LlamaConfig(**SHAPE, tie_word_embeddings=True)
    return save(LlamaForCausalLM(config), tmp_path_factory.mktemp("tied"))


def trace_row(number: int) -> dict:
    segments = [
        {"text": f"{number}\n", "node": 1, "kind": "step", "train": True},
        {"text": "+ " * (number % 7), "node": 2, "kind": "step", "train": False},
        {"text": f"={number}", "node": 3, "kind": "step", "train": True},
    ]
    user = {"role": "user", "content": str(number)}
    answer = {"role": "assistant", "content": "".join(s["text"] for s in segments)}
    return {"id": f"p{number}", "messages": [user, answer], "segments": segments}


@pytest.fixture(scope="session")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The answer is the number, twice; a wrong line in between bears no loss."""
    path = tmp_path_factory.mktemp("traces") / "traces.jsonl"
    path.write_text("".join(json.dumps(trace_row(number)) + "\n" for number in range(40)))
    return path
