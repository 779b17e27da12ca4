"""Tiny random checkpoints with the peculiarities that published ones have, by name."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    Gemma2Config,
    LlamaConfig,
    OpenAIGPTConfig,
    OPTConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
)

_TEXT = [
    "the sum of two and three is five .\n\n## Step 1: add the numbers\nso the answer is 12.\n",
    "we have 3 apples and 4 pears, that makes 7.\nBut wait, let's check: 3 + 4 = 7.\n\n",
    "Step 2: multiply 6 by 7 to get 42. Therefore the final answer is \\boxed{42}.\n",
] * 4
_NAMES = ("<pad>", "<bos>", "<eos>", "<|turn|>", "<|done|>")
_TURNS = "{% for m in messages %}<|turn|>{{ m.role }}\n{{ m.content }}<|done|>\n{% endfor %}"
_ASK = "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
CHAT = _TURNS + _ASK
TEMPLATES = {
    "content-parts": "{% for m in messages %}<|turn|>{{ m.role }}\n{% for p in m.content %}"
    "{% if p.type == 'text' %}{{ p.text }}{% endif %}{% endfor %}<|done|>\n{% endfor %}" + _ASK,
    "no-generation-prompt": _TURNS,
    "think-prompt": "{% for m in messages %}{% if m.role == 'user' %}<|turn|>{{ m.content }}"
    "{% else %}<|done|>{{ m.content.split('</think>')[-1] }}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|done|><think>\n{% endif %}",
    "think-block": "{% for m in messages %}<|turn|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and '</think>' not in m.content %}<think>\n\n</think>\n\n"
    "{% endif %}{{ m.content }}<|done|>\n{% endfor %}" + _ASK,
    "border": "{% for m in messages %}<|turn|>{{ m.role }}\n\n{{ m.content | trim }}<|done|>"
    "{% endfor %}{% if add_generation_prompt %}<|turn|>assistant\n\n{% endif %}",
    "clock": "<|turn|>system\n{{ strftime_now('%d %b %Y') }}<|done|>\n" + CHAT,
    "template-raises": "{{ raise_exception('roles must alternate') }}",
    "template-syntax": "{% for m in messages %}{{ m.role }",
    "no-system": "{% if messages[0].role == 'system' %}{{ raise_exception('no system message') }}"
    "{% endif %}" + CHAT,
}


def byte_level() -> Tokenizer:
    """GPT-2's kind: every byte is a token, and spaces belong to the words after them."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    options: Any = {"initial_alphabet": alphabet, "show_progress": False}
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=list(_NAMES), **options)
    backend.train_from_iterator(_TEXT, trainer)
    return backend


def metaspace() -> PreTrainedTokenizerFast:
    """Llama 2's kind: a space is written before every text, unknown characters as bytes."""
    special = ["<unk>", "<s>", "</s>", "<|turn|>", "<|done|>"]
    pieces = [f"<0x{i:02X}>" for i in range(256)]
    backend = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=[*special, *pieces], show_progress=False
    )
    backend.train_from_iterator([text.replace("\n", "") for text in _TEXT], trainer)
    state = json.loads(backend.to_str())
    state["added_tokens"] = [a for a in state["added_tokens"] if a["content"][:3] != "<0x"]
    backend = Tokenizer.from_str(json.dumps(state))
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    backend.decoder = decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)])
    return wrap(backend, bos="<s>", eos="</s>", pad=None)


def _wordpiece() -> PreTrainedTokenizerFast:
    """BERT's kind: lower case, no line breaks, spaces around every sign."""
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=300, special_tokens=["[UNK]", *_NAMES], show_progress=False
    )
    backend.train_from_iterator(_TEXT, trainer)
    return wrap(backend)


def _eating() -> PreTrainedTokenizerFast:
    """Its think tags swallow the white space beside them."""
    backend = byte_level()
    tags = ("<think>", "</think>")
    backend.add_tokens([AddedToken(t, lstrip=True, rstrip=True, normalized=False) for t in tags])
    return wrap(backend)


def wrap(
    backend: Tokenizer,
    template: str = CHAT,
    *,
    bos: str = "<bos>",
    eos: str = "<|done|>",
    pad: str | None = "<pad>",
) -> PreTrainedTokenizerFast:
    """The tokenizer of transformers around `backend`."""
    names = {"bos_token": bos, "eos_token": eos} | ({"pad_token": pad} if pad else {})
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, clean_up_tokenization_spaces=False, **names
    )
    tokenizer.chat_template = template
    return tokenizer


def llama(size: int, eos: int | None, **over: Any) -> LlamaConfig:
    """The config of a Llama with two layers."""
    shape = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    shape |= {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256}
    ids = {"vocab_size": size, "eos_token_id": eos, "bos_token_id": None}
    return LlamaConfig(**{**shape, **ids, "tie_word_embeddings": False, **over})


def save(
    folder: Path,
    tokenizer: PreTrainedTokenizerFast | None = None,
    config: PreTrainedConfig | None = None,
    dtype: torch.dtype = torch.float32,
) -> Path:
    """Save a random model whose weights are so large that its context matters."""
    tokenizer = tokenizer or wrap(byte_level())
    config = config or llama(len(tokenizer), tokenizer.eos_token_id)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    enlarge(model)
    model.to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def enlarge(model: torch.nn.Module) -> None:
    """Draw all matrices of a model anew, so large that its context matters."""
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.data.copy_(noise * 1.3 / math.sqrt(parameter.shape[-1]))


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a JSON file."""
    found = json.loads(path.read_text()) if path.exists() else {}
    change(found)
    path.write_text(json.dumps(found))


def edit_weights(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change the tensors of a checkpoint."""
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def _without(part: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        save(folder)
        edit_weights(folder, lambda found: {k: v for k, v in found.items() if part not in k})

    return make


def _not_numbers(folder: Path) -> None:
    save(folder)
    edit_weights(folder, lambda found: {k: v * torch.nan for k, v in found.items()})


def _halved(folder: Path) -> None:
    """A download that was broken off."""
    path = save(folder) / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _fp8(folder: Path) -> None:
    """The projections as 8-bit floats with one scale a block."""
    shape = {"hidden_size": 128, "intermediate_size": 128, "num_key_value_heads": 4}
    tokenizer = wrap(byte_level())
    save(folder, tokenizer, llama(len(tokenizer), 4, **shape))
    edit_weights(folder, _scaled)
    blocks = {"activation_scheme": "dynamic", "weight_block_size": [128, 128]}
    quantized = {"quantization_config": {"quant_method": "fp8", **blocks}}
    edit(folder / "config.json", lambda found: found.update(quantized))


def _scaled(stored: dict[str, Any]) -> dict[str, Any]:
    for name in [name for name in stored if "proj" in name]:
        scale = stored[name].abs().max() / 448
        stored[name] = (stored[name] / scale).to(torch.float8_e4m3fn)
        stored[f"{name}_scale_inv"] = scale.reshape(1, 1)
    return stored


def _unscaled(folder: Path) -> None:
    _fp8(folder)
    edit(folder / "config.json", lambda found: found.pop("quantization_config"))


def _small(template: str, **over: Any) -> Callable[[Path], object]:
    """A token was added to the tokenizer, and the embeddings were not resized."""

    def make(folder: Path) -> None:
        tokenizer = wrap(byte_level())
        tokenizer.add_special_tokens({"eos_token": "<|fin|>"})
        tokenizer.chat_template = template
        save(folder, tokenizer, llama(len(tokenizer) - 1, None, **over))

    return make


def _template(place: str, value: object) -> Callable[[Path], object]:
    """The chat template stands in the file `place` only."""

    def make(folder: Path) -> None:
        save(folder)
        (folder / "chat_template.jinja").unlink(missing_ok=True)
        edit(folder / "tokenizer_config.json", lambda found: found.pop("chat_template", None))
        edit(folder / place, lambda found: found.update(chat_template=value))

    return make


def _edited(name: str, **values: object) -> Callable[[Path], object]:
    return lambda folder: edit(save(folder) / name, lambda found: found.update(values))


def _no_dtype(folder: Path) -> None:
    save(folder, dtype=torch.bfloat16)
    edit(folder / "config.json", lambda d: [d.pop(key, None) for key in ("dtype", "torch_dtype")])


def _of(config: Callable[..., PreTrainedConfig], **values: object) -> Callable[[Path], object]:
    return lambda folder: save(folder, config=config(vocab_size=len(wrap(byte_level())), **values))


_SHAPE: Mapping[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
_CAPS: Mapping[str, Any] = {
    **_SHAPE,
    "attn_logit_softcapping": 5.0,
    "final_logit_softcapping": 8.0,
    "sliding_window": 8,
    "head_dim": 8,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "query_pre_attn_scalar": 8,
    "max_position_embeddings": 256,
    "eos_token_id": 4,
    "bos_token_id": 1,
    "pad_token_id": 0,
}
_NAMED = [{"name": name, "template": CHAT} for name in ("search", "tools")]

CHECKPOINTS: Mapping[str, Callable[[Path], object]] = {
    **{
        name: (lambda folder, text=text: save(folder, wrap(byte_level(), text)))
        for name, text in TEMPLATES.items()
    },
    "generation-config": _edited("generation_config.json", do_sample=False, temperature=0.6),
    "beams": _edited("generation_config.json", do_sample=False, num_return_sequences=3),
    "llama-class": _edited("tokenizer_config.json", tokenizer_class="LlamaTokenizerFast"),
    "metaspace": lambda folder: save(folder, metaspace()),
    "no-lm-head": _without("lm_head"),
    "no-layer": _without("layers.1."),
    "no-norm": _without("model.norm"),
    "wrong-shape": _edited("config.json", intermediate_size=64),
    "not-numbers": _not_numbers,
    "halved": _halved,
    "fp8": _fp8,
    "fp8-unscaled": _unscaled,
    "small-vocabulary": _small(CHAT.replace("<|done|>", "<|fin|>")),
    "eos-outside": _small(CHAT),
    "named-templates": _template("tokenizer_config.json", _NAMED),
    "template-json": _template("chat_template.json", CHAT),
    "turn-end": lambda folder: save(folder, wrap(byte_level(), eos="<eos>")),
    "wordpiece": lambda folder: save(folder, _wordpiece()),
    "eating-tokens": lambda folder: save(folder, _eating()),
    "no-dtype": _no_dtype,
    "softcap": _of(Gemma2Config, **_CAPS),
    "learned-positions": _of(
        OPTConfig,
        **_SHAPE,
        max_position_embeddings=48,
        ffn_dim=48,
        word_embed_proj_dim=32,
        eos_token_id=4,
        bos_token_id=1,
        pad_token_id=0,
    ),
    "encoder": _of(BertConfig, **_SHAPE, intermediate_size=48),
    "no-cache": _of(OpenAIGPTConfig, n_embd=32, n_layer=2, n_head=4, n_positions=256),
}
