from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from astro.errors import ConfigError
from astro.plugins.registry import Registry
from astro.types import Completion
from astro_vllm.params import PolicyParams
from astro_vllm.sampling import completion


def test_it_is_found_by_name() -> None:
    entry = Registry.discover().find("policy", "vllm")
    assert entry.distribution == "astro-reasoner-vllm"
    assert entry.provider.requires == ("vllm",)


def test_describing_it_imports_no_engine() -> None:
    code = "import sys, astro_vllm, astro_vllm.params; print({'vllm', 'torch'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_params_are_vllms_own_names() -> None:
    params = {"model": "m", "tensor_parallel_size": 2, "quantization": "fp8", "max_model_len": 64}
    assert PolicyParams(**params).model_dump(exclude_defaults=True) == params


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({}, "model: missing"),
        ({"model": "m", "max_seq_len": 3}, "max_seq_len: unknown key; did you mean max_model_len?"),
        ({"model": "m", "gpu_memory_utilization": 2}, "gpu_memory_utilization: "),
        ({"model": "m", "dtype": "int4"}, "dtype: "),
    ],
)
def test_wrong_params_are_refused(params: dict[str, object], error: str) -> None:
    with pytest.raises(ConfigError, match=error.replace("?", r"\?")):
        Registry.discover().params("policy", "vllm", params)


class _Decoder:
    """Decodes token 7 to the end of a turn that is no special token."""

    def decode(self, ids: list[int], **_: Any) -> str:
        return "".join("<|fin|>" if i == 7 else "a" for i in ids)


@pytest.mark.parametrize(("stop", "text"), [(7, "aa"), ("<|fin|>", "aa<|fin|>")])
def test_a_token_that_ends_a_sample_has_no_text(stop: int | str, text: str) -> None:
    output = SimpleNamespace(
        stop_reason=stop,
        finish_reason="stop",
        text="aa<|fin|>",
        token_ids=[1, 1, 7],
        logprobs=SimpleNamespace(logprobs=(-1.0, -1.0, -1.0)),
    )
    found = completion(output, _Decoder())  # type: ignore[arg-type]
    assert isinstance(found, Completion)
    assert (found.text, found.token_ids) == (text, (1, 1, 7))
