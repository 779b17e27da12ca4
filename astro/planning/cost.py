"""What a plugin's work comes to, for `astro plan`. A params model may say it: see `HasCost`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from astro.requests import POLICY


@dataclass(frozen=True, slots=True)
class RequestCost:
    """Requests to the model of one role, by default the policy: `requests` of `samples` completions
    of at most `max_tokens` tokens.

    `valued`: each sample is a state for `value` to estimate. `trained`: it is trained on.
    """

    what: str
    requests: float
    samples: int
    max_tokens: int
    valued: bool = False
    trained: bool = False
    model: str = POLICY


@dataclass(frozen=True, slots=True)
class StageCost:
    """What one unit takes at most: a tree of `search` and `linearizer`, a state of `value`, a
    training of `sft` and `rl`.

    A linearizer makes `traces` of a tree, each of them a walk of `paths` paths in the mean; a
    fine-tuner passes over all traces `epochs` times.
    """

    asks: tuple[RequestCost, ...] = ()
    traces: int = 0
    paths: float = 1.0
    epochs: float = 0.0


@runtime_checkable
class HasCost(Protocol):
    """Params that know their plugin's work."""

    def cost(self) -> StageCost: ...
