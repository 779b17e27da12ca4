"""What an estimate assumes: lengths of texts, and speeds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from astro.plugins.params import Params

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class Assumptions(Params):
    """What an estimate needs to know and a config does not say.

    The speeds are half of those of two H100s with Llama 3.3 70B in FP8 in the performance overview
    of NVIDIA's TensorRT-LLM 1.0: 5,222 tokens/s generated after prompts of 500 tokens, and 12,192
    prompt tokens/s before answers of 128. The TFLOP/s are those of Llama 3's training (arXiv
    2407.21783, table 4).
    """

    prompt_tokens: Annotated[Positive, Field(description="tokens of a problem")] = 200
    fill: Annotated[Share, Field(description="share of its limit that a sample takes")] = 0.5
    prefix_reuse: Annotated[
        Share, Field(description="share of the search's prompt tokens that are not computed again")
    ] = 0.65
    tokens_per_second: Annotated[
        Positive, Field(description="generated, on each GPU or on the CPU")
    ] = 2600
    prompt_tokens_per_second: Annotated[
        Positive, Field(description="computed, on each GPU or on the CPU")
    ] = 6000
    training_tflops: Annotated[
        Positive, Field(description="TFLOP/s in training, on each GPU or on the CPU")
    ] = 400
    parameters: Annotated[
        float, Field(ge=0, description="billions in the model; 0: unknown, training is left out")
    ] = 0
    renewed: Annotated[
        Share, Field(lt=1, description="share of RL's groups that is discarded and sampled anew")
    ] = 0.25
