"""The `transformers` policy: any Hugging Face causal LM with continuous batching."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from transformers import PreTrainedModel

from astro.data.prompts import PromptEncoder
from astro.errors import PolicyError
from astro.plugins import models
from astro.requests import Failure, Generate, LogProb, Reply
from astro.types import Completion, FinishReason, Prompt
from astro_hf.checkpoints import end_tokens, length_limit, load_model
from astro_hf.devices import free_memory, pick_device, set_threads
from astro_hf.look import check_model
from astro_hf.token_ids import CUT, check_encoder, checked_ids, response_room
from astro_hf.tokenizers import load_tokenizer
from astro_transformers.attention import use_grouped_attention
from astro_transformers.decoder import Decoder, Finished
from astro_transformers.forward import Forward
from astro_transformers.params import PolicyParams
from astro_transformers.products import use_parts
from astro_transformers.rows import Sequence
from astro_transformers.sampler import sample_key
from astro_transformers.scoring import continuation_logprobs

_ATTENTION = {"full_attention", "sliding_attention", "chunked_attention"}


@dataclass(slots=True, eq=False)
class _Job:
    """A `Generate` in progress, with its finished samples by index."""

    ticket: int
    results: list[Completion | Failure | None]
    unfinished: int


@dataclass(frozen=True, slots=True)
class _Scoring:
    """A `LogProb` in progress: token ids of (context, continuation) pairs."""

    ticket: int
    pairs: list[tuple[tuple[int, ...], tuple[int, ...]]]


class TransformersPolicy:
    """A `TrainablePolicy` that samples from a causal LM.

    Samples of one request, and equal prompts queued together, share one prefill. A sample that
    fills the context ends with `length`; it is empty if its prompt leaves no room.

    Raises:
        PolicyError: The model or its tokenizer cannot be loaded or used, keeps recurrent state, or
            does not support `max_length`.
    """

    def __init__(self, params: PolicyParams) -> None:
        set_threads(params.threads)
        device = pick_device(params.device)
        name = models.checkpoint(params.model)
        tokenizer = load_tokenizer(name)
        self._model = load_model(
            name, device=device, dtype=params.dtype, attention=params.attn_implementation
        )
        check_attention_only(self._model, params.model)
        check_model(self._model, params.model, sampled=True)
        use_grouped_attention(self._model)
        use_parts(self._model)
        self._vocab_size = self._model.config.get_text_config().vocab_size
        self._max_length = length_limit(self._model, params.max_length, params.model)
        self._encoder = PromptEncoder(tokenizer, params.prompt)
        check_encoder(self._encoder, self._vocab_size, params.model)
        self._forward = Forward(self._model)
        self._cache_bytes = _cache_bytes(params, device)
        self._decoder = Decoder(
            self._forward,
            self._encoder.detokenizer,
            vocab_size=self._vocab_size,
            eos=end_tokens(self._model, tokenizer) | self._encoder.end_ids(),
            max_batch=params.max_batch,
            prefix_bytes=params.prefix_cache_mb * 2**20,
            cache_bytes=self._cache_bytes,
        )
        self._scorings: list[_Scoring] = []
        self._replies: list[tuple[int, Reply | Failure]] = []
        self._generated_tokens = self._scored_tokens = 0
        self._context_full_samples = 0

    def add(self, ticket: int, request: Generate | LogProb) -> None:
        """Queue a request. An invalid request is answered with a `Failure`."""
        try:
            if isinstance(request, LogProb):
                self._scorings.append(_Scoring(ticket, self._pairs(request)))
            else:
                self._sample(ticket, request)
        except Exception as error:  # the boundary: an invalid request must not fail the others
            reason = str(error) if isinstance(error, PolicyError) else repr(error)
            self._replies.append((ticket, Failure(reason)))

    @torch.inference_mode()
    def step(self, block: bool = False) -> list[tuple[int, Reply | Failure]]:  # noqa: ARG002
        """Start waiting requests, decode one token per sequence, and return finished replies."""
        self._score()
        self._finish(self._decoder.step())
        replies, self._replies = self._replies, []
        return replies

    def close(self) -> None:
        """Free the model and its caches."""
        self._decoder.clear()
        del self._model, self._forward, self._decoder

    def reload(self, weights: Iterable[tuple[str, Any]]) -> None:
        """Replace weights by name.

        Raises:
            PolicyError: Requests are in progress, or a name or shape does not fit the model.
        """
        if len(self._decoder) or self._scorings:
            raise PolicyError("weights cannot be replaced while requests are under way")
        own = self._model.state_dict()
        for name, tensor in weights:
            if name not in own or own[name].shape != tensor.shape:
                raise PolicyError(
                    f"weight {name!r} of shape {tuple(tensor.shape)} does not fit the model"
                )
            own[name].copy_(tensor)
        self._decoder.clear()

    def prompt_ids(self, prompt: Prompt) -> tuple[int, ...]:
        """Return the token ids that precede a sample of `prompt`."""
        return self._encoder.encode(prompt)

    def counters(self) -> Mapping[str, float]:
        """Return counters since the start.

        `generated_tokens`; `prompt_tokens`, and how many of them were taken from the cache,
        `cached_prompt_tokens`; `forward_passes`; and `context_full_samples`, which filled the
        context.
        """
        decoder = self._decoder
        return {
            "generated_tokens": self._generated_tokens,
            "prompt_tokens": decoder.prompt_tokens + self._scored_tokens,
            "cached_prompt_tokens": decoder.prompt_tokens - decoder.computed_prompt_tokens,
            "forward_passes": self._forward.passes,
            "context_full_samples": self._context_full_samples,
        }

    def _sample(self, ticket: int, request: Generate) -> None:
        prompt = self._encoder.encode(request.prompt)
        limit = response_room(request, prompt, self._vocab_size, self._max_length)
        if limit < 1:
            self._context_full_samples += request.n
            self._replies.append((ticket, [CUT] * request.n))
            return
        limit = min(request.max_tokens, limit)
        self._check_room(len(prompt), limit)
        job = _Job(ticket, [None] * request.n, request.n)
        self._decoder.waiting += [
            Sequence(
                prompt=prompt,
                key=sample_key(request.seed, i),
                temperature=request.temperature,
                top_p=request.top_p,
                stop=tuple(word for word in request.stop if word),
                limit=limit,
                owner=job,
                index=i,
            )
            for i in range(request.n)
        ]

    def _pairs(self, request: LogProb) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
        context = checked_ids(self._encoder.encode(request.prompt), self._vocab_size)
        pairs = [
            (context, self._encoder.following(request.prompt, text))
            for text in request.continuations
        ]
        for _, continuation in pairs:
            if len(checked_ids(context + continuation, self._vocab_size)) > self._max_length:
                raise PolicyError(f"text to score exceeds the model's {self._max_length} tokens")
        return pairs

    def _check_room(self, prompt: int, limit: int) -> None:
        """Raise `PolicyError` if a sample cannot be decoded even alone."""
        needed = self._decoder.bytes_for(prompt, limit)
        if needed > self._cache_bytes:
            raise PolicyError(
                f"a prompt of {prompt} tokens and up to {limit} more need {_mib(needed)} MiB of"
                f" keys and values, and there is room for {self._cache_bytes // 2**20}:"
                " set kv_cache_mb, or fewer tokens"
            )

    def _finish(self, finished: list[Finished]) -> None:
        for sequence, result in finished:
            job: _Job = sequence.owner
            job.results[sequence.index] = result
            job.unfinished -= 1
            if isinstance(result, Completion):
                self._count(sequence, result)
            if not job.unfinished:
                self._replies.append((job.ticket, _reply(job)))

    def _count(self, sequence: Sequence, completion: Completion) -> None:
        self._generated_tokens += completion.tokens
        full = len(sequence.prompt) + completion.tokens >= self._max_length
        self._context_full_samples += full and completion.finish_reason is FinishReason.LENGTH

    def _score(self) -> None:
        scorings, self._scorings = self._scorings, []
        pairs = [pair for scoring in scorings for pair in scoring.pairs]
        scores = iter(continuation_logprobs(self._forward, pairs))
        for scoring in scorings:
            self._scored_tokens += sum(len(a) + len(b) for a, b in scoring.pairs)
            self._replies.append((scoring.ticket, list(islice(scores, len(scoring.pairs)))))


def _reply(job: _Job) -> list[Completion] | Failure:
    for result in job.results:
        if isinstance(result, Failure):
            return result
    return [result for result in job.results if isinstance(result, Completion)]


def _cache_bytes(params: PolicyParams, device: torch.device) -> int:
    """The memory of one process for the keys and values of sequences under way."""
    given = params.kv_cache_mb
    whole = free_memory(device) // 2 if given is None else given * 2**20
    return whole // params.processes


def _mib(size: int) -> int:
    return -(-size // 2**20)


def check_attention_only(model: PreTrainedModel, name: str) -> None:
    """Raise `PolicyError` for models whose state cannot be padded and masked."""
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ()) - _ATTENTION
    if kinds or getattr(model, "_is_stateful", False):
        raise PolicyError(
            f"model {name!r} keeps recurrent state ({', '.join(sorted(kinds)) or 'all layers'})",
            "use an attention-only model, or the vllm policy",
        )
