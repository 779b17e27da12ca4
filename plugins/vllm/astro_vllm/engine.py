"""From params to a running vLLM engine, and what can go wrong on the way."""

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
from astro_vllm.params import PolicyParams

if TYPE_CHECKING:
    from vllm import LLMEngine
    from vllm.lora.request import LoRARequest

_IN_PROCESS = "VLLM_ENABLE_V1_MULTIPROCESSING"
_QUIET = {
    "VLLM_LOGGING_LEVEL": "CRITICAL",
    "VLLM_NO_USAGE_STATS": "1",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
}
_NOT_ENGINE_ARGS = {"prompt", "lora_path", "max_lora_rank"}
_ON_CPU = {"block_size": 32, "enable_chunked_prefill": False}
"""vLLM's own block size there, 128, would reuse few prefixes. And a prompt computed in parts cannot
be sampled from with a seed, since a CPU's generator does not go back."""

_MEMORY_HINT = "set gpu_memory_utilization or kv_cache_memory_bytes, or lower max_model_len"


def start(params: PolicyParams) -> LLMEngine:
    """An engine that serves the model. Raises `PolicyError` if vLLM cannot.

    vLLM preloads libraries into every later process; verifiers, with their memory limit, have to
    be spared, so `LD_PRELOAD` is put back.
    """
    model = models.checkpoint(params.model)
    _set_environment()
    with _unchanged("LD_PRELOAD"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from vllm import EngineArgs, LLMEngine
        from vllm.usage.usage_lib import UsageContext

        try:
            chosen = EngineArgs(**engine_args(params, model))
            return LLMEngine.from_engine_args(chosen, usage_context=UsageContext.LLM_CLASS)
        except Exception as error:  # whatever a foreign checkpoint makes the library raise
            raise _unstartable(params, error) from error


def engine_args(params: PolicyParams, model: str) -> dict[str, Any]:
    """vLLM's `EngineArgs`; what the config leaves out is left to vLLM, but for a CPU."""
    from vllm.platforms import current_platform

    chosen = params.model_dump(exclude=_NOT_ENGINE_ARGS, exclude_none=True)
    if current_platform.is_cpu():
        chosen = _ON_CPU | chosen
    if params.lora_path is not None:
        chosen |= {"enable_lora": True, "max_lora_rank": params.max_lora_rank, "max_loras": 1}
    return chosen | {
        "model": model,
        "logprobs_mode": "raw_logprobs",
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
    }


def adapter(params: PolicyParams) -> LoRARequest | None:
    """The LoRA adapter that every request names. Raises `PolicyError` if its folder holds none."""
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
    """Raises `PolicyError` if no token ends a response."""
    configured = engine.model_config.try_get_generation_config().get("eos_token_id")
    if configured is None and engine.get_tokenizer().eos_token_id is None:
        raise PolicyError(
            f"model {params.model!r}: neither tokenizer nor generation config name a token that "
            "ends a sequence",
            "set eos_token in its tokenizer_config.json",
        )


def _set_environment() -> None:
    """What vLLM reads when it is imported, and when an engine starts.

    The engine's core stays in this process: in one of its own it takes no weights from a trainer,
    and where that process is killed, vLLM waits for it without end.
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


def _unstartable(params: PolicyParams, error: Exception) -> PolicyError:
    reason = str(error)
    if isinstance(error, ValidationError):
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
    line = (reason.strip() or type(error).__name__).splitlines()[0]
    hint = _MEMORY_HINT if "memory" in line.lower() else ""
    return PolicyError(f"vLLM cannot serve {params.model!r}: {line}", hint)
