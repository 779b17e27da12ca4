"""A replica: `python -m astro_transformers.replica HANDLE`, started by `ReplicatedPolicy`.

It receives its `PolicyParams` and answers with None or a `PolicyError`. Then it receives lists of
`(ticket, request)`, or `Weights` to load, which it answers with None or a `PolicyError`. Whenever
requests have finished, it sends `(replies, counters)`.
"""

from __future__ import annotations

from multiprocessing.connection import Connection
from typing import Any

from astro.errors import PolicyError
from astro.verification.process import attend
from astro_transformers.params import PolicyParams
from astro_transformers.policy import TransformersPolicy
from astro_transformers.replicas import Weights


def serve(pipe: Connection[Any, Any]) -> None:
    """Serve requests until the pipe is closed."""
    params: PolicyParams = pipe.recv()
    try:
        policy = TransformersPolicy(params)
    except PolicyError as error:
        pipe.send(error)
        return
    pipe.send(None)
    under_way = 0
    while True:
        while not under_way or pipe.poll():
            under_way += _take(pipe, policy)
        replies = policy.step()
        under_way -= len(replies)
        if replies:
            pipe.send((replies, policy.counters()))


def _take(pipe: Connection[Any, Any], policy: TransformersPolicy) -> int:
    """Handle one message, and return the number of its requests."""
    message = pipe.recv()
    if isinstance(message, Weights):
        pipe.send(_reloaded(policy, message))
        return 0
    for ticket, request in message:
        policy.add(ticket, request)
    return len(message)


def _reloaded(policy: TransformersPolicy, weights: Weights) -> PolicyError | None:
    try:
        policy.reload(weights.tensors())
    except PolicyError as error:
        return error
    return None


if __name__ == "__main__":
    attend(serve)
