"""R(S) by a reward model, which judges the steps so far without the reference answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Annotated, Literal

from pydantic import Field

from astro.errors import PolicyError
from astro.planning.cost import RequestCost, StageCost
from astro.plugins.params import Params
from astro.plugins.roles import AsksModel
from astro.requests import REWARD, Program, Score
from astro.types import Prompt, State

Rule = Literal["last", "min", "prod", "mean"]
_RULES: Mapping[str, Callable[[Sequence[float]], float]] = {
    "last": lambda scores: scores[-1],
    "min": min,
    "prod": math.prod,
    "mean": fmean,
}


class RewardValueParams(Params):
    """Params of value `reward_model`."""

    aggregation: Annotated[
        Rule, Field(description="how the scores of the steps become the value of the state")
    ] = "last"
    model: Annotated[
        str, AsksModel("reward_model"), Field(description="role of the reward model, in `models`")
    ] = REWARD

    def cost(self) -> StageCost:
        """The cost of one state."""
        asks = RequestCost("scores", requests=1, samples=1, max_tokens=0, model=self.model)
        return StageCost((asks,))


class RewardValue:
    """R(S) of a process or an outcome reward model, in [0, 1].

    `last` is the score of the last step (Snell et al. 2024, arXiv 2408.03314, section 5.1); `min`
    and `prod` are those of Lightman et al. 2023 (arXiv 2305.20050, appendix F). `prod` favors short
    responses: 0.92^6 is less than 0.9^2. An outcome model has one score, whatever the rule.
    """

    rates_terminals = True

    def __init__(self, params: RewardValueParams) -> None:
        self._params = params

    def estimate(self, states: Sequence[State], seed: int) -> Program[list[float | None]]:  # noqa: ARG002
        """One value per state; None for a state without a step that is not blank."""
        steps = [tuple(s.text for s in state.steps if s.text.strip()) for state in states]
        asked = [
            Score(Prompt(state.problem.prompt), texts, self._params.model)
            for state, texts in zip(states, steps, strict=True)
            if texts
        ]
        replies = iter((yield list(asked)) if asked else [])
        return [
            aggregate(next(replies), self._params.aggregation) if texts else None for texts in steps
        ]


def aggregate(scores: Sequence[float], rule: Rule) -> float | None:
    """Return the value by `rule` of the scores of a response's steps; None without scores.

    Raises:
        PolicyError: A score is not in [0, 1].
    """
    if not all(0.0 <= score <= 1.0 for score in scores):
        raise PolicyError("the scores of the reward model are not in [0, 1]")
    return _RULES[rule](scores) if scores else None
