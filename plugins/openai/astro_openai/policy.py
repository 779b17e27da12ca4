"""The policy `openai`: a bounded number of requests on an event loop in a thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from queue import Empty, SimpleQueue

from anyio.from_thread import start_blocking_portal

from astro.plugins.secrets import revealed
from astro.requests import Failure, Generate, LogProb, Reply
from astro.types import BYTES_PER_TOKEN, Completion, FinishReason, estimated_tokens
from astro_openai.answers import Answer
from astro_openai.bodies import Body, echo_body, render, sample_bodies
from astro_openai.params import PolicyParams
from astro_openai.samples import UnclearStop, completion, thought_alone
from astro_openai.scoring import Unscored, continuation_logprobs
from astro_openai.server import ContextFull, Refused, Server
from astro_openai.usage import Meter, generated, shared_out

_PATIENCE = 0.02
"""Seconds that a blocking step waits for a response."""
_PAUSE = 0.001
"""Seconds that any other step waits, so that the caller's loop does not spin."""


class OpenAIPolicy:
    """A model behind an HTTP API; a `Backend`.

    Responses are sent as text, so one that was begun is tokenized again. A request that the server
    rejects permanently gets a `Failure`. If a response that was begun fills the model's context,
    the reply consists of empty completions with `FinishReason.LENGTH`, which `context_full_samples`
    counts.
    """

    def __init__(self, params: PolicyParams) -> None:
        """Connect to the server.

        Raises:
            PolicyError: The server cannot be reached, or rejects the key.
        """
        self._params = params = revealed(params)
        self._meter = Meter(params.prices)
        self._server = Server(params, self._meter)
        self._finished: SimpleQueue[tuple[int, Future[Reply | Failure]]] = SimpleQueue()
        self._under_way = 0
        self._said: set[str] = set()
        self._exit = ExitStack()
        self._portal = self._exit.enter_context(start_blocking_portal())
        try:
            self._portal.call(self._server.check)
        except BaseException:
            self.close()
            raise

    def add(self, ticket: int, request: Generate | LogProb) -> None:
        """Send a request as soon as the limit on requests in flight allows."""
        self._under_way += 1
        future = self._portal.start_task_soon(self._serve, request)
        future.add_done_callback(lambda done: self._finished.put((ticket, done)))

    def step(self, block: bool = False) -> list[tuple[int, Reply | Failure]]:
        """Return the replies that have arrived; wait briefly if there are none.

        Raises:
            PolicyError: The server cannot be reached, or rejects the key or the model.
        """
        if not self._under_way:
            return []
        finished = self._collect(_PATIENCE if block else _PAUSE)
        self._under_way -= len(finished)
        return [(ticket, done.result()) for ticket, done in finished]

    def counters(self) -> Mapping[str, float]:
        """Return the counters by name.

        They are `requests`, `retries`, `failures`, `context_full_samples`, `empty_samples`,
        `prompt_tokens`, `cached_prompt_tokens` (included in `prompt_tokens`), `generated_tokens`
        and, with prices, `cost`.
        """
        return self._meter.totals()

    def close(self) -> None:
        """Cancel requests in flight and close the connection."""
        self._portal.call(self._server.close)
        self._portal.call(self._portal.stop, True)
        self._exit.close()

    def _collect(self, seconds: float) -> list[tuple[int, Future[Reply | Failure]]]:
        finished = []
        try:
            finished.append(self._finished.get(timeout=seconds))
            while True:
                finished.append(self._finished.get_nowait())
        except Empty:
            return finished

    async def _serve(self, request: Generate | LogProb) -> Reply | Failure:
        try:
            if isinstance(request, Generate):
                return await self._generate(request)
            if isinstance(request, LogProb):
                return await self._score(request)
            raise Refused(f"a policy does not serve {type(request).__name__}")
        except (Refused, Unscored) as refusal:
            self._meter.count(failures=1)
            return Failure(str(refusal))

    async def _generate(self, request: Generate) -> list[Completion]:
        if request.n < 1 or request.max_tokens < 1:
            raise Refused(f"n={request.n}, max_tokens={request.max_tokens}: both start at 1")
        try:
            answers = await self._ask_all(
                sample_bodies(self._params, request, self._server.software)
            )
        except ContextFull:
            if not request.prompt.response:
                raise
            self._meter.count(context_full_samples=request.n)
            return [Completion("", finish_reason=FinishReason.LENGTH)] * request.n
        samples = self._counted(_samples(answers, request), answers, request)
        self._meter.count(empty_samples=sum(not sample.text for sample in samples))
        if any(map(thought_alone, (choice for answer in answers for choice in answer.choices))):
            self._say_once(
                "%s puts the text of its samples into reasoning_content, which is not read: they "
                "are empty; start it without its reasoning parser, or use api: completions"
            )
        if self._params.logprobs and not all(sample.logprobs for sample in samples):
            self._say_once(
                "%s gives no log-probabilities: a step's prior is its share of the samples"
            )
        return samples

    def _counted(
        self, samples: list[Completion], answers: Sequence[Answer], request: Generate
    ) -> list[Completion]:
        """Return the samples with the server's count of tokens where nothing else gives one.

        A server counts the tokens of all samples of a response together; they are shared out by
        the length of the texts. Without a count, they are estimated.
        """
        told = [generated(answer.usage) for answer in answers]
        distinct = samples if request.temperature else samples[:1]
        if all(told):
            counts = shared_out(sum(told), [len(sample.text) for sample in distinct])
        else:
            longest = request.max_tokens
            counts = [
                sample.tokens or min(estimated_tokens(sample.text), longest) for sample in distinct
            ]
            self._meter.count(generated_tokens=sum(counts) - sum(told))
            self._say_once(
                "%s does not report how many tokens it generates: without log-probabilities, "
                f"they are estimated, at {BYTES_PER_TOKEN} bytes of text each"
            )
        counts += [0] * (len(samples) - len(counts))
        return [
            sample if sample.tokens else replace(sample, counted=count)
            for sample, count in zip(samples, counts, strict=True)
        ]

    async def _score(self, request: LogProb) -> list[tuple[float, ...]]:
        if self._params.api == "chat":
            raise Refused("given text is scored by api: completions alone")
        text = render(self._params, request.prompt)
        texts = [text, *(text + continuation for continuation in request.continuations)]
        context, *wholes = await self._ask_all([echo_body(self._params, t) for t in texts])
        return [continuation_logprobs(context, whole) for whole in wholes]

    async def _ask_all(self, bodies: Sequence[Body]) -> list[Answer]:
        return await asyncio.gather(*map(self._server.ask, bodies))

    def _say_once(self, notice: str) -> None:
        if notice not in self._said:
            self._said.add(notice)
            logging.getLogger(__name__).warning(notice, self._params.base_url)


def _samples(answers: Sequence[Answer], request: Generate) -> list[Completion]:
    """Return the `n` samples of a request, in order.

    Raises:
        Refused: It is unclear where they end.
    """
    greedy = request.temperature == 0
    choices = [c for answer in answers for c in sorted(answer.choices, key=lambda c: c.index or 0)]
    try:
        samples = [completion(choice, request.stop) for choice in choices]
    except UnclearStop:
        raise Refused(
            f"the server does not tell which of {len(request.stop)} stop strings ended a sample; "
            "use one, or policy.params.include_stop_str_in_output"
        ) from None
    return samples * request.n if greedy else samples
