"""The requests of a batch: their seeds, and which may be asked at a time within a token budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

from astro.requests import Generate, Request
from astro.seeds import derive

_FIELDS = [field.name for field in fields(Generate)]
_SEED = _FIELDS.index("seed")

Wave = list[tuple[int, Request]]
"""Requests to ask now, each with the index of the request of the batch that it is a part of."""


def next_wave(batch: Sequence[Request], asked: Sequence[int], left: int | None) -> Wave:
    """The next requests of a batch that `left` tokens pay for, whatever length their samples have.

    `asked` holds how many samples of each `Generate` were asked for before, and 1 for any other
    request that was asked. Samples come in order, as many as `left` pays for at their `max_tokens`.
    If it does not pay for a single one, the next sample may have what is left. Requests that
    generate nothing cost nothing. `left` is None without a budget: the whole batch is one wave.

    The wave depends on its arguments alone, so a search is the same however it is scheduled.
    """
    if left is None:
        return [(i, request) for i, request in enumerate(batch) if not asked[i]]
    wave: Wave = []
    generates = False
    for i, request in enumerate(batch):
        if not isinstance(request, Generate):
            wave += [] if asked[i] else [(i, request)]
        elif left > 0 and (asked[i] < request.n or not asked[i]):
            longest = max(1, request.max_tokens)
            wanted = request.n - asked[i]
            n = min(wanted, left // longest) or int(not generates)
            if n or wanted < 1:
                wave.append((i, _part(request, asked[i], n, left)))
            generates = True
            left = left - n * longest if n == wanted else 0
    return wave


def seeded(batch: Sequence[Request], seed: int, task: str, first: int) -> list[Request]:
    """The requests with the seeds of the task's samples; `first` of its requests came before."""
    return [
        _with_seed(request, derive(seed, task, first + i))
        if isinstance(request, Generate)
        else request
        for i, request in enumerate(batch)
    ]


def _with_seed(request: Generate, seed: int) -> Generate:
    """As `replace(request, seed=seed)`, which takes several times as long."""
    values = [getattr(request, name) for name in _FIELDS]
    values[_SEED] = seed
    return Generate(*values)


def wanted(request: Request) -> int:
    """How many samples a `Generate` asks for; 1 for any other request."""
    return max(1, request.n) if isinstance(request, Generate) else 1


def _part(request: Generate, first: int, n: int, left: int) -> Generate:
    """Samples `first` to `first + n` of a request, which are drawn with a seed of their own."""
    if n == request.n and request.max_tokens <= left:
        return request
    seed = derive(request.seed, first) if first else request.seed
    return replace(request, n=n, seed=seed, max_tokens=min(request.max_tokens, left))
