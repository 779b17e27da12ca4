"""Copies of a model in several processes, so that small models use all CPU cores.

This module imports no engine: a replica takes seconds to import its own, and starts first.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any
from zlib import crc32

from astro.errors import PolicyError
from astro.plugins import models
from astro.requests import Failure, Generate, LogProb, Reply
from astro.types import Prompt
from astro.verification.process import Child
from astro_transformers.params import PolicyParams

if TYPE_CHECKING:
    from astro.data.prompts import PromptEncoder
    from astro_transformers.policy import TransformersPolicy

Asked = tuple[int, Generate | LogProb]
_PATIENCE = 0.005
"""Seconds that a step waits for the replicas while other backends have work to do."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Named tensors, serialized by torch for another process."""

    data: bytes

    @classmethod
    def of(cls, weights: Iterable[tuple[str, Any]]) -> Weights:
        """Serialize named tensors."""
        import torch

        buffer = io.BytesIO()
        torch.save({name: tensor.detach().cpu() for name, tensor in weights}, buffer)
        return cls(buffer.getvalue())

    def tensors(self) -> Iterator[tuple[str, Any]]:
        """Deserialize the named tensors."""
        import torch

        yield from torch.load(io.BytesIO(self.data), weights_only=True).items()


def build(params: PolicyParams) -> TransformersPolicy | ReplicatedPolicy:
    """Build the policy, in this process or in several.

    Raises:
        PolicyError: The model cannot be loaded or used.
    """
    if params.processes > 1:
        return ReplicatedPolicy(params)
    from astro_transformers.policy import TransformersPolicy

    return TransformersPolicy(params)


class ReplicatedPolicy:
    """Sends all requests with the same user message to the same replica, which caches prefixes.

    A sample depends only on its request, so the number of replicas affects nothing but speed.

    Raises:
        PolicyError: A replica cannot start, or has died.
    """

    def __init__(self, params: PolicyParams) -> None:
        models.checkpoint(params.model)  # a wrong name starts no process
        self._params = params
        replica = params.model_copy(update={"threads": params.threads or 1})
        self._children = Child.copies("astro_transformers.replica", params.processes)
        # Threads send, because two sides that send at the same time would block each other.
        self._senders = [ThreadPoolExecutor(1) for _ in self._children]
        self._queues: list[list[Asked]] = [[] for _ in self._children]
        self._under_way = 0
        self._counters: list[Mapping[str, float]] = [{} for _ in self._children]
        self._tell_all(replica)

    def add(self, ticket: int, request: Generate | LogProb) -> None:
        """Queue a request for the replica of its user message."""
        user = request.prompt.user.encode("utf-8", "surrogatepass")
        self._queues[crc32(user) % len(self._children)].append((ticket, request))
        self._under_way += 1

    def step(self, block: bool = False) -> list[tuple[int, Reply | Failure]]:
        """Send queued requests, and return finished ones; `block` waits until there are some."""
        for replica, queue in enumerate(self._queues):
            if queue:
                self._send(replica, queue)
                self._queues[replica] = []
        if not self._under_way:
            return []
        pipes = {child.pipe: replica for replica, child in enumerate(self._children)}
        replies: list[tuple[int, Reply | Failure]] = []
        for ready in wait(list(pipes), None if block else _PATIENCE):
            replica = pipes[ready]  # type: ignore[index]  # what it waited for
            finished, self._counters[replica] = self._receive(replica)
            replies += finished
        self._under_way -= len(replies)
        return replies

    def close(self) -> None:
        """Stop all replicas."""
        for child, sender in zip(self._children, self._senders, strict=True):
            child.stop()
            sender.shutdown()

    def reload(self, weights: Iterable[tuple[str, Any]]) -> None:
        """Replace weights by name.

        Raises:
            PolicyError: Requests are in progress, or a name or shape does not fit the model.
        """
        if self._under_way:
            raise PolicyError("weights cannot be replaced while requests are under way")
        self._tell_all(Weights.of(weights))

    def prompt_ids(self, prompt: Prompt) -> tuple[int, ...]:
        """Return the token ids that precede a sample of `prompt`."""
        return self._encoder.encode(prompt)

    def counters(self) -> Mapping[str, float]:
        """Return the sums of the replicas' counters."""
        total: Counter[str] = Counter()
        for counters in self._counters:
            total.update(counters)
        return dict(total)

    @cached_property
    def _encoder(self) -> PromptEncoder:
        from astro.data.prompts import PromptEncoder
        from astro_hf.tokenizers import load_tokenizer

        tokenizer = load_tokenizer(models.checkpoint(self._params.model))
        return PromptEncoder(tokenizer, self._params.prompt)

    def _tell_all(self, message: PolicyParams | Weights) -> None:
        replicas = range(len(self._children))
        for replica in replicas:
            self._send(replica, message)
        for answer in [self._receive(replica) for replica in replicas]:
            if isinstance(answer, PolicyError):
                raise answer

    def _send(self, replica: int, message: PolicyParams | Weights | list[Asked]) -> None:
        self._senders[replica].submit(self._children[replica].pipe.send, message)

    def _receive(self, replica: int) -> Any:
        try:
            return self._children[replica].pipe.recv()
        except (EOFError, OSError):
            code = self._children[replica].process.wait()
            raise PolicyError(f"a replica of the model died (exit code {code})") from None
