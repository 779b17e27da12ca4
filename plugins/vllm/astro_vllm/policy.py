"""The policy `vllm`: vLLM's engine in this process, stepped by the engine loop."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from astro.data.prompts import PromptEncoder
from astro.errors import PolicyError
from astro.plugins import models
from astro.requests import Failure, Generate, LogProb, Reply
from astro.types import Completion, Prompt
from astro_hf.token_ids import CUT, check_encoder, checked_ids, response_room
from astro_hf.tokenizers import check_reading
from astro_vllm import engine
from astro_vllm.params import PolicyParams
from astro_vllm.sampling import completion, sampling_params, scores, scoring_params

if TYPE_CHECKING:
    from vllm import RequestOutput, SamplingParams
    from vllm.inputs.engine import TokensInput

Ids = tuple[int, ...]


@dataclass(slots=True, eq=False)
class _Job:
    """A request in progress: its results so far, and the function that converts vLLM's outputs."""

    ticket: int
    results: list[Any]
    unfinished: int
    read: Callable[[Any], Any]


class VllmPolicy:
    """Samples from a model that vLLM serves; a `Backend`.

    Queued requests join the running batch at the next step. A sample that fills the context ends
    with `length`; it is empty if its prompt leaves no room.
    """

    def __init__(self, params: PolicyParams) -> None:
        """Load the model.

        Raises:
            PolicyError: vLLM cannot serve the model.
        """
        self._adapter = engine.adapter(params)
        check_reading(models.checkpoint(params.model))
        self._engine = engine.start(params)
        self._tokenizer: Any = self._engine.get_tokenizer()
        self._max_length: int = self._engine.model_config.max_model_len
        self._vocab_size: int = self._engine.model_config.get_vocab_size()
        self._parts: dict[str, tuple[_Job, int]] = {}
        self._names = map(str, itertools.count())
        self._replies: list[tuple[int, Reply | Failure]] = []
        self._generated_tokens = self._prompt_tokens = self._cached_prompt_tokens = 0
        self._context_full_samples = 0
        try:
            engine.check_ends(self._engine, params)
            self._encoder = PromptEncoder(self._tokenizer, params.prompt)
            check_encoder(self._encoder, self._vocab_size, params.model)
            self._ends = [i for i in sorted(self._encoder.end_ids()) if i < self._vocab_size]
        except PolicyError:
            self.close()
            raise

    def add(self, ticket: int, request: Generate | LogProb) -> None:
        """Queue a request; an invalid one gets a `Failure` as reply."""
        try:
            if isinstance(request, LogProb):
                self._score(ticket, request)
            else:
                self._sample(ticket, request)
        except Exception as error:  # plugin boundary: a bad request must not end the others
            self._replies.append((ticket, Failure(str(error) or repr(error))))

    def step(self, block: bool = False) -> list[tuple[int, Reply | Failure]]:  # noqa: ARG002
        """Generate one token for every request, and return the replies that are complete."""
        if self._parts:
            for output in self._engine.step():
                self._take(output)
        replies, self._replies = self._replies, []
        return replies

    def close(self) -> None:
        """Free the model and stop its processes."""
        self._engine.engine_core.shutdown()
        del self._engine

    def reload(self, weights: Iterable[tuple[str, Any]]) -> None:
        """Replace weights, given by their names in a checkpoint, and clear the prefix cache.

        Raises:
            PolicyError: Requests are in progress, or vLLM rejects the weights, which leaves the
                model unusable.
        """
        if self._parts:
            raise PolicyError("weights cannot be replaced while requests are under way")
        try:
            self._engine.collective_rpc(
                "reload_weights", kwargs={"weights_iterator": list(weights)}
            )
        except Exception as error:
            raise PolicyError(f"vLLM does not take the weights: {error}") from error
        if not self._engine.reset_prefix_cache():
            raise PolicyError("vLLM would not forget the keys and values of the old weights")

    def prompt_ids(self, prompt: Prompt) -> Ids:
        """Return the token ids before a sample of `prompt`."""
        return self._encoder.encode(prompt)

    def counters(self) -> Mapping[str, float]:
        """Return the counters by name.

        They are `generated_tokens`, `prompt_tokens`, `cached_prompt_tokens` (those of the prompt
        tokens that were not computed again) and `context_full_samples` (cut by the context length).
        """
        return {
            "generated_tokens": self._generated_tokens,
            "prompt_tokens": self._prompt_tokens,
            "cached_prompt_tokens": self._cached_prompt_tokens,
            "context_full_samples": self._context_full_samples,
        }

    def _sample(self, ticket: int, request: Generate) -> None:
        prompt = self._encoder.encode(request.prompt)
        room = response_room(request, prompt, self._vocab_size, self._max_length)
        if room < 1:
            self._context_full_samples += request.n
            self._replies.append((ticket, [CUT] * request.n))
            return
        parts = {
            i: (prompt, sampling_params(request, i, room, self._ends)) for i in range(request.n)
        }
        self._queue(ticket, [None] * request.n, parts, self._completion)

    def _score(self, ticket: int, request: LogProb) -> None:
        if self._adapter:
            raise PolicyError("vLLM cannot score given text with a LoRA adapter")
        context = self._encoder.encode(request.prompt)
        texts = [self._encoder.following(request.prompt, text) for text in request.continuations]
        parts = {
            i: (checked_ids(context + text, self._vocab_size), scoring_params())
            for i, text in enumerate(texts)
            if text
        }
        if any(len(prompt) >= self._max_length for prompt, _ in parts.values()):
            raise PolicyError(f"text to score exceeds the model's {self._max_length} tokens")
        self._queue(ticket, [()] * len(texts), parts, partial(scores, context=len(context)))

    def _queue(
        self,
        ticket: int,
        results: list[Any],
        parts: Mapping[int, tuple[Ids, SamplingParams]],
        read: Callable[[Any], Any],
    ) -> None:
        """Send the parts of a request to vLLM; their outputs go to their places in `results`."""
        if not parts:
            self._replies.append((ticket, results))
        job = _Job(ticket, results, len(parts), read)
        for place, (prompt, params) in parts.items():
            name = next(self._names)
            tokens: TokensInput = {"type": "token", "prompt_token_ids": list(prompt)}
            self._engine.add_request(name, tokens, params, lora_request=self._adapter)
            self._parts[name] = (job, place)

    def _take(self, output: RequestOutput) -> None:
        job, place = self._parts.pop(output.request_id)
        self._prompt_tokens += len(output.prompt_token_ids)
        self._cached_prompt_tokens += output.num_cached_tokens or 0
        job.results[place] = job.read(output)
        job.unfinished -= 1
        if not job.unfinished:
            failure = next((r for r in job.results if isinstance(r, Failure)), None)
            self._replies.append((job.ticket, failure or job.results))

    def _completion(self, output: RequestOutput) -> Completion | Failure:
        (sample,) = output.outputs
        self._generated_tokens += len(sample.token_ids)
        length = len(output.prompt_token_ids) + len(sample.token_ids)
        self._context_full_samples += (
            sample.finish_reason == "length" and length >= self._max_length
        )
        return completion(sample, self._tokenizer)
