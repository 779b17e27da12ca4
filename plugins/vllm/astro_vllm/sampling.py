"""Conversion of requests to vLLM's sampling parameters, and of vLLM's outputs to replies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from astro.requests import Failure, Generate
from astro.seeds import derive
from astro.types import Completion, FinishReason

if TYPE_CHECKING:
    from vllm import CompletionOutput, RequestOutput, SamplingParams


def sampling_params(
    request: Generate, index: int, room: int, ends: Sequence[int]
) -> SamplingParams:
    """Return the sampling parameters of sample `index` of a request, with at most `room` tokens.

    The sample ends with any of the tokens `ends`.

    Each sample is a separate request to vLLM with its own seed, so sample i does not depend on n.
    vLLM itself would use seed + i, which collides with the samples of the next seeds.
    """
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        temperature=request.temperature,
        top_p=request.top_p,
        seed=derive(request.seed, index),
        stop=[word for word in request.stop if word],
        stop_token_ids=list(ends),
        include_stop_str_in_output=True,
        max_tokens=min(request.max_tokens, room),
        logprobs=0,
        flat_logprobs=True,
        output_kind=RequestOutputKind.FINAL_ONLY,
        skip_clone=True,
    )


def scoring_params() -> SamplingParams:
    """Return the parameters that score a prompt; vLLM has to sample one token after it."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        temperature=0.0,
        max_tokens=1,
        prompt_logprobs=0,
        flat_logprobs=True,
        detokenize=False,
        output_kind=RequestOutputKind.FINAL_ONLY,
        skip_clone=True,
    )


def completion(output: CompletionOutput, tokenizer: Any) -> Completion | Failure:
    """Convert a finished sample.

    If the last token runs past the stop string, vLLM cuts the text. The token ids, which would
    decode to more than the text, are then omitted; the log-probabilities are kept.
    """
    stopped = isinstance(output.stop_reason, str)
    match output.finish_reason:
        case "stop":
            reason = FinishReason.STOP if stopped else FinishReason.EOS
        case "length":
            reason = FinishReason.LENGTH
        case other:
            return Failure(f"vLLM ended a sample with {other!r}")
    text = output.text
    if reason is FinishReason.EOS and output.token_ids:  # its own text, if it is no special token
        text = text.removesuffix(tokenizer.decode(output.token_ids[-1:], skip_special_tokens=True))
    exact = not stopped or _says(tokenizer, output.token_ids, text)
    token_ids = tuple(output.token_ids) if exact else ()
    return Completion(text, token_ids, _logs(output.logprobs), reason)


def scores(output: RequestOutput, context: int) -> tuple[float, ...]:
    """Return the log-probabilities of a scored prompt after the first `context` tokens (>= 1).

    vLLM has none for the first token of a prompt.
    """
    return _logs(output.prompt_logprobs)[context - 1 :]


def _logs(logprobs: Any) -> tuple[float, ...]:
    """Return flat log-probabilities, in which each position has its own token only."""
    values: Sequence[float] = logprobs.logprobs
    return tuple(values)


def _says(tokenizer: Any, token_ids: Sequence[int], text: str) -> bool:
    """Return whether the tokens decode to exactly `text`, apart from a leading space.

    Some tokenizers decode the leading space of the first word only if another token precedes it.
    """
    whole: str = tokenizer.decode(
        list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return whole.removeprefix(" ") == text.removeprefix(" ")
