"""Random reward models of the families' own architectures, small, with tokenizers like theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import nn
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2ForSequenceClassification,
    Qwen2ForTokenClassification,
)

CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WORDS = (
    "Step 1: Janet has 3 + 4 = 7 eggs. Step 2: so 7 - 2 = 5 are left, ки and \\boxed{5}. "
    "What is the answer? Please reason step by step + - ки ки + - "
) * 20
_WIDTH = 64
SIZES: dict[str, Any] = {
    "hidden_size": _WIDTH,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,
}
"""Heads of 32 are the smallest that vLLM computes on a CPU. Large weights make context matter."""


def byte_level() -> PreTrainedTokenizerFast:
    """A tokenizer like those of Qwen and Llama 3, with a chat template."""
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<extra_0>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([WORDS], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHAT,
    )


def sentence_piece() -> PreTrainedTokenizerFast:
    """A tokenizer like that of Mistral, which writes blanks as U+2581 and prepends one."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<unk>", "<s>", "</s>"], show_progress=False
    )
    tokenizer.train_from_iterator([WORDS + "\n"], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def _saved(model: Any, tokenizer: Any, folder: Path, **heads: torch.Tensor) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    if heads:
        path = folder / "model.safetensors"
        save_file({**load_file(path), **heads}, path, metadata={"format": "pt"})
    return folder


def _layer(inside: int, outside: int, name: str) -> dict[str, torch.Tensor]:
    layer = nn.Linear(inside, outside)
    return {f"{name}.weight": layer.weight.detach() * 4, f"{name}.bias": layer.bias.detach()}


def save_families(root: Path) -> dict[str, Path]:
    """The folder of a random model of each family, and of a Llama that is an outcome model."""
    torch.manual_seed(0)
    chat, pieces = byte_level(), sentence_piece()
    qwen = Qwen2Config(vocab_size=len(chat), pad_token_id=chat.pad_token_id, **SIZES)
    two = Qwen2Config(vocab_size=len(chat), num_labels=2, **SIZES)
    one = Qwen2Config(vocab_size=len(chat), num_labels=1, pad_token_id=chat.pad_token_id, **SIZES)
    llama = LlamaConfig(vocab_size=len(chat), **SIZES)
    scalar = LlamaConfig(
        vocab_size=len(chat), num_labels=1, pad_token_id=chat.pad_token_id, **SIZES
    )
    mistral = MistralConfig(vocab_size=len(pieces), **SIZES)
    prm = _saved(
        Qwen2ForCausalLM(qwen),
        chat,
        root / "qwen_prm",
        **_layer(_WIDTH, _WIDTH, "score.0"),
        **_layer(_WIDTH, 2, "score.2"),
    )
    config = prm / "config.json"
    named = config.read_text().replace('"Qwen2ForCausalLM"', '"Qwen2ForProcessRewardModel"')
    config.write_text(named)
    return {
        "qwen_prm": prm,
        "skywork_prm": _saved(
            Qwen2ForCausalLM(qwen), chat, root / "skywork", **_layer(_WIDTH, 1, "v_head.summary")
        ),
        "math_shepherd": _saved(MistralForCausalLM(mistral), pieces, root / "shepherd"),
        "rlhflow_prm": _saved(LlamaForCausalLM(llama), chat, root / "rlhflow"),
        "token_classification": _saved(Qwen2ForTokenClassification(two), chat, root / "tokens"),
        "sequence_classification": _saved(
            Qwen2ForSequenceClassification(one), chat, root / "outcome"
        ),
        "llama": _saved(LlamaForSequenceClassification(scalar), chat, root / "llama"),
    }
