"""What a plugin costs, for `astro plan`. Params say it in a method `cost`: see `HasCost`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from astro.requests import POLICY


@dataclass(frozen=True, slots=True)
class RequestCost:
    """A number of requests, each for `samples` completions of at most `max_tokens` tokens.

    `what` names them in the plan. `model` is the role of the model that serves them. `valued` means
    that each sample becomes a state that the value estimator has to estimate, and `trained` that
    each sample is trained on. `renewed` means that samples without a learning signal are discarded
    and others sampled for them. `successive` means that each request samples the next steps of the
    same paths, so that the limit on the tokens of a path also limits the requests.
    """

    what: str
    requests: float
    samples: int
    max_tokens: int
    valued: bool = False
    trained: bool = False
    renewed: bool = False
    model: str = POLICY
    successive: bool = False


@dataclass(frozen=True, slots=True)
class StageCost:
    """What one unit of a plugin's work takes at most, and how many `gpus` work on it at once.

    The unit is a tree for `search` and `linearizer`, a state for `value`, and a whole training for
    `sft` and `rl`. An `executor` or a `policy` says only its `gpus`; 0 means that it does not say.
    A linearizer makes `traces` traces of each tree, and each trace joins `paths`
    paths on average. A fine-tuner trains for `epochs` epochs. In a search, no step follows a path
    of `path_tokens` tokens.
    """

    requests: tuple[RequestCost, ...] = ()
    traces: int = 0
    paths: float = 1.0
    epochs: float = 0.0
    gpus: int = 0
    path_tokens: int | None = None


@runtime_checkable
class HasCost(Protocol):
    """Params that know what their plugin costs."""

    def cost(self) -> StageCost:
        """What one unit of work takes at most."""
