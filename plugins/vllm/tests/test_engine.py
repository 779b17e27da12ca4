"""What stands in the way of an engine, in one line each; and what it leaves behind."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from astro.errors import PolicyError
from astro.plugins import models

pytestmark = pytest.mark.vllm

Serve = Callable[..., Any]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the tiny model, to break."""
    return shutil.copytree(models.resolve("tiny-countdown"), tmp_path / "model")


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def refusal(serve: Serve, *model: str, **params: object) -> str:
    """Why the policy cannot be built, which has to be one line."""
    with pytest.raises(PolicyError) as error:
        serve(*model, fresh=True, **params)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_model_that_is_not_there(serve: Serve, tmp_path: Path) -> None:
    assert "is not a folder" in refusal(serve, str(tmp_path / "nothing"))
    assert "has no config.json" in refusal(serve, str(tmp_path))
    assert "did you mean tiny-countdown?" in refusal(serve, "tiny-countdwn")
    assert "vLLM cannot serve 'nobody/nothing'" in refusal(serve, "nobody/nothing")


def test_a_checkpoint_that_is_broken(serve: Serve, copy: Path) -> None:
    (copy / "model.safetensors").write_bytes(b"\0" * 100)
    assert f"vLLM cannot serve {str(copy)!r}: " in refusal(serve, str(copy))
    (copy / "config.json").write_text("{}")
    assert f"vLLM cannot serve {str(copy)!r}: " in refusal(serve, str(copy))


def test_a_model_without_an_end(serve: Serve, copy: Path) -> None:
    change(copy / "tokenizer_config.json", eos_token=None, pad_token=None)
    assert serve(str(copy))  # the generation config still names one, and padding is not needed
    change(copy / "generation_config.json", eos_token_id=None)
    change(copy / "config.json", eos_token_id=None)
    assert "name a token that ends a sequence; set eos_token" in refusal(serve, str(copy))


def test_too_little_memory(serve: Serve) -> None:
    advice = "; set gpu_memory_utilization or kv_cache_memory_bytes, or lower max_model_len"
    assert advice in refusal(serve, kv_cache_memory_bytes=2**12)
    assert advice in refusal(serve, kv_cache_memory_bytes=2**60)
    assert advice in refusal(serve, kv_cache_memory_bytes=None, gpu_memory_utilization=1e-6)


def test_what_vllm_refuses(serve: Serve) -> None:
    assert "block size" in refusal(serve, block_size=7)
    assert "max_model_len" in refusal(serve, max_model_len=10**6)
    assert "quantization method: magic" in refusal(serve, quantization="magic")


def test_prompts_that_the_tokenizer_cannot_write(serve: Serve) -> None:
    assert "needs a chat template" in refusal(serve, prompt={"style": "raw", "system": "think"})
    assert serve(prompt={"system": "use"})


def test_an_adapter_that_is_not_there(serve: Serve, tmp_path: Path) -> None:
    assert "has no adapter_config.json" in refusal(serve, lora_path=str(tmp_path))


def test_other_processes_are_spared(serve: Serve) -> None:
    """vLLM preloads libraries into every process that follows, verifiers with little memory too."""
    before = os.environ.get("LD_PRELOAD")
    serve(fresh=True)
    assert os.environ.get("LD_PRELOAD") == before
