"""Between the core's requests and vLLM's: sampling parameters one way, results the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from astro.requests import Failure, Generate
from astro.seeds import derive
from astro.types import Completion, FinishReason

if TYPE_CHECKING:
    from vllm import CompletionOutput, RequestOutput, SamplingParams


def sampling_params(request: Generate, index: int, room: int) -> SamplingParams:
    """How sample `index` of a request is drawn, in at most `room` tokens.

    Each sample is a request of its own to vLLM, with a seed of its own, so that sample i is the
    same whatever n. (vLLM itself would take seed + i, which are the next seeds' samples too.)
    """
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        temperature=request.temperature,
        top_p=request.top_p,
        seed=derive(request.seed, index),
        stop=[word for word in request.stop if word],
        include_stop_str_in_output=True,
        max_tokens=min(request.max_tokens, room),
        logprobs=0,
        flat_logprobs=True,
        output_kind=RequestOutputKind.FINAL_ONLY,
        skip_clone=True,
    )


def scoring_params() -> SamplingParams:
    """How the tokens of a prompt are scored. vLLM has to sample one token after them."""
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
    """A finished sample.

    Where its last token runs past the stop string, vLLM has cut the text; then the tokens, which
    would say more than the text, are left out, and the log-probabilities stay.
    """
    stopped = isinstance(output.stop_reason, str)
    match output.finish_reason:
        case "stop":
            reason = FinishReason.STOP if stopped else FinishReason.EOS
        case "length":
            reason = FinishReason.LENGTH
        case other:
            return Failure(f"vLLM ended a sample with {other!r}")
    exact = not stopped or _says(tokenizer, output.token_ids, output.text)
    token_ids = tuple(output.token_ids) if exact else ()
    return Completion(output.text, token_ids, _logs(output.logprobs), reason)


def scores(output: RequestOutput, context: int) -> tuple[float, ...]:
    """Natural logs of a scored prompt's tokens after the first `context` >= 1.

    vLLM gives none for the first token of a prompt.
    """
    return _logs(output.prompt_logprobs)[context - 1 :]


def _logs(logprobs: Any) -> tuple[float, ...]:
    """vLLM's flat log-probabilities, where each position holds its own token only."""
    values: Sequence[float] = logprobs.logprobs
    return tuple(values)


def _says(tokenizer: Any, token_ids: Sequence[int], text: str) -> bool:
    """Whether tokens say just `text`. Some tokenizers write a first word's leading space only where
    something stands before it, so that space is not compared."""
    whole: str = tokenizer.decode(
        list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
    return whole.removeprefix(" ") == text.removeprefix(" ")
