"""Tokenizers and folders of models. Code that comes with a checkpoint is never run."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast
from transformers.utils.hub import cached_file

from astro.plugins import models
from astro_hf.errors import CheckpointError, first_line

_PROBES = (
    "the sum of 3 and 14",
    " so:\n\n  x = y_1 + 27;\tWe DON'T know, \\boxed{42}.\n",
    "naïve 数 学 🙂",
)
"""Texts with spaces, line breaks, signs and scripts that tokenizers treat differently."""
_SPECIAL = ("bos_token", "eos_token", "unk_token", "pad_token")


def load_tokenizer(model: str) -> Any:
    """Load the tokenizer of `model`, which is a folder, a GGUF file or a hub name.

    It reads and writes text as its `tokenizer.json` says. For some classes that a checkpoint may
    name, transformers builds another one from the vocabulary of that file.

    Raises:
        CheckpointError: The tokenizer cannot be loaded.
    """
    try:
        tokenizer = _load(AutoTokenizer, model)
        if not reads_as_stored(tokenizer, model):
            tokenizer = _as_stored(tokenizer, model)
        add_template(tokenizer, model)
    except CheckpointError:
        raise
    except Exception as error:  # anything that a foreign checkpoint makes the library raise
        raise unloadable("tokenizer", model, error) from error
    return tokenizer


def add_template(tokenizer: Any, model: str) -> None:
    """Give a tokenizer without a chat template that of the model's processor, if it has one.

    Raises:
        ValueError: `chat_template.json` holds no template.
    """
    for name in ("chat_template.json", "processor_config.json"):
        if tokenizer.chat_template:
            return
        path = cached_file(
            located(model)["pretrained_model_name_or_path"],
            name,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
        if path is None:
            continue
        found = json.loads(Path(path).read_text("utf-8"))
        template = found.get("chat_template") if isinstance(found, dict) else None
        if isinstance(template, list):
            template = {each["name"]: each["template"] for each in template}
        if not template and name == "chat_template.json":
            raise ValueError(f"{name} holds no chat_template")
        tokenizer.chat_template = template


def check_reading(model: str) -> None:
    """Check that engines that load the tokenizer of `model` themselves read text as it is stored.

    A tokenizer that cannot be loaded is left to the engine, which reports it.

    Raises:
        CheckpointError: They do not.
    """
    try:
        same = reads_as_stored(_load(AutoTokenizer, model), model)
    except Exception:  # anything that a foreign checkpoint makes the library raise
        return
    if not same:
        raise CheckpointError(
            f"model {model!r}: transformers does not read text as the model's tokenizer.json says",
            "set tokenizer_class to PreTrainedTokenizerFast in its tokenizer_config.json",
        )


def reads_as_stored(tokenizer: Any, model: str) -> bool:
    """Whether `tokenizer` reads and writes some texts as the model's `tokenizer.json` does.

    A tokenizer of the general class is the file's own, and so is one without such a file.
    """
    folder = models.on_disk(model)
    path = folder / "tokenizer.json" if folder else None
    if path is None or not path.is_file() or type(tokenizer) is PreTrainedTokenizerFast:
        return True
    stored = Tokenizer.from_file(str(path))
    stored.no_truncation()
    stored.no_padding()
    return all(_same(tokenizer, stored, text) for text in _PROBES)


def _same(tokenizer: Any, stored: Tokenizer, text: str) -> bool:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    written = tokenizer.decode(ids, clean_up_tokenization_spaces=False, skip_special_tokens=True)
    return ids == stored.encode(text, add_special_tokens=False).ids and written == stored.decode(
        ids
    )


def _as_stored(tokenizer: Any, model: str) -> Any:
    """The tokenizer of the file, with the special tokens that the class of `tokenizer` adds."""
    stored = _load(PreTrainedTokenizerFast, model)
    known = stored.get_vocab()
    for name in _SPECIAL:
        token = getattr(tokenizer, name)
        if getattr(stored, name) is None and token in known:
            setattr(stored, name, token)
    if not reads_as_stored(stored, model):
        raise CheckpointError(
            f"model {model!r}: transformers does not read text as the model's tokenizer.json says",
            "save the tokenizer again with this version of transformers",
        )
    return stored


def _load(kind: Any, model: str) -> Any:
    path = Path(model)
    if not (path.suffix == ".gguf" and path.is_file()):
        return kind.from_pretrained(model, trust_remote_code=False)
    with TemporaryDirectory() as alone:  # other files beside it would take part in a tokenizer
        (Path(alone) / path.name).symlink_to(path.resolve())
        return kind.from_pretrained(alone, gguf_file=path.name, trust_remote_code=False)


def located(model: str) -> dict[str, str]:
    """Return the arguments of `from_pretrained` that name `model`, which may be a GGUF file."""
    path = Path(model)
    if path.suffix == ".gguf" and path.is_file():
        name = {"pretrained_model_name_or_path": str(path.parent)}
        return {**name, "gguf_file": path.name}
    return {"pretrained_model_name_or_path": model}


def absolute(model: str) -> str:
    """Return the absolute folder of a model, for processes that start elsewhere, or its hub name.

    Raises:
        PolicyError: `model` is clearly a path but holds no checkpoint.
    """
    name = models.checkpoint(model)
    return str(Path(name).resolve()) if Path(name).exists() else name


def unloadable(part: str, model: str, error: Exception) -> CheckpointError:
    """Return the error to raise where a part of a checkpoint, such as its model, fails to load."""
    message = f"cannot load the {part} of {model!r}: {first_line(error)}"
    if Path(model).exists():
        return CheckpointError(
            message,
            f"it was found, but it is damaged, incomplete or unknown to transformers "
            f"{version('transformers')}; compare its files with those that were published",
        )
    shipped = ", ".join(models.shipped())
    return CheckpointError(
        message,
        "expected a checkpoint folder, a hub name that can be reached"
        + (f", or one of {shipped}" if shipped else ""),
    )
