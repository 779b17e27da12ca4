"""Tiny models with random weights for rehearsals and tests, such as `random-llama`.

Entry points of the group `astro.models` name them. A model is created on first use, from a fixed
seed and without network access, and stored in the user's cache folder. Its tokenizer covers all
bytes.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

_PAD, _END, _ROLES = "<|pad|>", "<|end|>", ("<|system|>", "<|user|>", "<|assistant|>")
_CHAT = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}"
    "{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_WORDS = """
Find the value of the smallest integer such that the sum of all the positive numbers is equal to
what is given in the problem. Let x and y be real numbers, and let n be the number of ways to choose
them. So we have to compute the answer. First we write down what we know, then we check it. But
wait, is this right? Let's go back to where we had the step before. Therefore the final answer is
\\boxed{1}. \\frac{1}{2} \\sqrt{3} $x^2 + 2x = 10$ ## Step 1: The area of the triangle is 24.
"""
_WIDTH, _LAYERS, _HEADS, _POSITIONS, _VERSION = 64, 2, 2, 4096, 1


def llama() -> Path:
    """Return the folder of a Llama: rotary position embeddings, grouped query heads."""
    return _made("llama", LlamaConfig)


def qwen2() -> Path:
    """Return the folder of a Qwen2, which is a Llama with biases."""
    return _made("qwen2", Qwen2Config)


def mistral() -> Path:
    """Return the folder of a Mistral, which is a Llama with a sliding window."""
    return _made("mistral", MistralConfig)


def gpt2() -> Path:
    """Return the folder of a GPT-2, which has learned position embeddings."""
    return _made("gpt2", GPT2Config)


def _made(family: str, config: Callable[..., PreTrainedConfig]) -> Path:
    """The folder of the family's model, which is created atomically if it does not exist."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "astro" / f"random-{family}-{_VERSION}"
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        _save(config, making)
        try:
            making.rename(folder)
        except OSError:  # another process has created the same model
            shutil.rmtree(making)
    return folder


def _save(config: Callable[..., PreTrainedConfig], folder: Path) -> None:
    tokenizer = _tokenizer()
    shape = config(
        vocab_size=len(tokenizer),
        hidden_size=_WIDTH,
        num_hidden_layers=_LAYERS,
        num_attention_heads=_HEADS,
        max_position_embeddings=_POSITIONS,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
        **({} if config is GPT2Config else {"intermediate_size": 2 * _WIDTH}),
        **({} if config is GPT2Config else {"num_key_value_heads": 1}),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(shape, dtype=torch.float32)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE with a few hundred merges."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[_PAD, _END, *_ROLES],
        show_progress=False,
    )
    backend.train_from_iterator([_WORDS], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token=_END, pad_token=_PAD, clean_up_tokenization_spaces=False
    )
    tokenizer.chat_template = _CHAT
    return tokenizer
