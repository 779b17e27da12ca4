"""Start of a vLLM engine from params, with the errors that may occur."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from astro.errors import PolicyError
from astro.plugins import models
from astro_hf.errors import CheckpointError
from astro_vllm.params import EngineParams, PolicyParams

if TYPE_CHECKING:
    from vllm import LLMEngine
    from vllm.lora.request import LoRARequest

_IN_PROCESS = "VLLM_ENABLE_V1_MULTIPROCESSING"
_QUIET = {
    "VLLM_LOGGING_LEVEL": "CRITICAL",
    "VLLM_NO_USAGE_STATS": "1",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
}
_NOT_ENGINE_ARGS = {"prompt", "lora_path", "max_lora_rank", "family", "separator"}
_ON_CPU = {"block_size": 32, "enable_chunked_prefill": False}
"""Defaults on a CPU. vLLM's own block size, 128, would reuse few prefixes. Chunked prefill is off
because the generator of a CPU cannot be rewound, so seeds would not work after a chunked prompt."""

_MEMORY_HINT = "set gpu_memory_utilization or kv_cache_memory_bytes, or lower max_model_len"


def start(params: EngineParams, **more: Any) -> LLMEngine:
    """Start an engine that serves the model, with `more` arguments of vLLM's `EngineArgs`.

    vLLM sets `LD_PRELOAD`, which would load libraries into every later process. It is restored,
    since verifier processes have a memory limit.

    Raises:
        PolicyError: vLLM cannot serve the model.
    """
    model = models.checkpoint(params.model)
    _set_environment()
    with _unchanged("LD_PRELOAD"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from vllm import EngineArgs, LLMEngine
        from vllm.usage.usage_lib import UsageContext

        try:
            chosen = EngineArgs(**engine_args(params, model), **more)
            return LLMEngine.from_engine_args(chosen, usage_context=UsageContext.LLM_CLASS)
        except Exception as error:  # vLLM may raise anything on an unknown checkpoint
            raise _unstartable(params, error) from error


def engine_args(params: EngineParams, model: str) -> dict[str, Any]:
    """Return the arguments of vLLM's `EngineArgs`; the others keep vLLM's defaults.

    Only on a CPU, some defaults differ from vLLM's.
    """
    from vllm.platforms import current_platform

    chosen = params.model_dump(exclude=_NOT_ENGINE_ARGS, exclude_none=True)
    if params.dtype == "auto" and _is_float32(model):
        chosen["dtype"] = "float32"  # vLLM's own `auto` would round the weights to 16 bits
    if current_platform.is_cpu():
        chosen = _ON_CPU | chosen
    if isinstance(params, PolicyParams) and params.lora_path is not None:
        chosen |= {"enable_lora": True, "max_lora_rank": params.max_lora_rank, "max_loras": 1}
    return chosen | {
        "model": model,
        "logprobs_mode": "raw_logprobs",
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
    }


def adapter(params: PolicyParams) -> LoRARequest | None:
    """Return the LoRA adapter to use in every request; None if there is none.

    Raises:
        PolicyError: The folder does not contain an adapter.
    """
    if params.lora_path is None:
        return None
    from vllm.lora.request import LoRARequest

    path = Path(params.lora_path).expanduser()
    if not (path / "adapter_config.json").is_file():
        raise PolicyError(
            f"lora_path {params.lora_path!r} has no adapter_config.json",
            "give the folder of an adapter in PEFT's format",
        )
    return LoRARequest("adapter", 1, str(path))


def check_ends(engine: LLMEngine, params: PolicyParams) -> None:
    """Check that the model has a token that ends a response.

    Raises:
        PolicyError: It does not.
    """
    configured = engine.model_config.try_get_generation_config().get("eos_token_id")
    if configured is None and engine.get_tokenizer().eos_token_id is None:
        raise PolicyError(
            f"model {params.model!r}: neither tokenizer nor generation config name a token that "
            "ends a sequence",
            "set eos_token in its tokenizer_config.json",
        )


def _is_float32(model: str) -> bool:
    """Whether a checkpoint's weights are stored as float32."""
    import torch

    from astro_hf.checkpoints import stored_dtype

    try:
        return stored_dtype(model) is torch.float32
    except CheckpointError:  # vLLM reports it when it loads the model
        return False


def _set_environment() -> None:
    """Set the environment variables that vLLM reads on import and when an engine starts.

    The engine core stays in this process: in a separate one, it could not receive weights from a
    trainer, and if that process were killed, vLLM would wait for it forever.
    """
    os.environ[_IN_PROCESS] = "0"
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


@contextmanager
def _unchanged(name: str) -> Iterator[None]:
    before = os.environ.get(name)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


def _unstartable(params: EngineParams, error: Exception) -> PolicyError:
    reason = str(error)
    if isinstance(error, ValidationError):
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
    line = (reason.strip() or type(error).__name__).splitlines()[0]
    hint = _MEMORY_HINT if "memory" in line.lower() else ""
    return PolicyError(f"vLLM cannot serve {params.model!r}: {line}", hint)
