"""R(S) by rollouts: complete the state M times and average the rewards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from astro.planning.cost import RequestCost, StageCost
from astro.plugins.params import Params
from astro.rehearsal.rehearsable import RehearsalScale, capped
from astro.requests import Generate, Program, Verify
from astro.types import State


class RolloutParams(Params):
    """Params of value `rollout`."""

    rollouts: Annotated[int, Field(ge=1, le=10_000, description="M, rollouts per state")] = 16
    max_tokens: Annotated[int, Field(ge=1, description="tokens in a rollout, at most")] = 1024
    temperature: Annotated[float, Field(gt=0, description="of the rollouts")] = 1.0

    def cost(self) -> StageCost:
        """The cost of one state."""
        return StageCost((RequestCost("rollouts", 1, self.rollouts, self.max_tokens),))

    def rehearsed(self, scale: RehearsalScale) -> dict[str, float]:
        """Two rollouts, with room for a model with one token per letter."""
        return {**capped(self, rollouts=2), "max_tokens": scale.response_tokens}


class Rollout:
    """R(S_{t+1}) = (1/M) * sum_j V(rollout_j) (arXiv 2507.00417, section 2)."""

    def __init__(self, params: RolloutParams) -> None:
        self._params = params

    def estimate(self, states: Sequence[State], seed: int) -> Program[list[float]]:  # noqa: ARG002
        """One value in [0, 1] per state. All randomness is in the policy, so `seed` is not used."""
        params = self._params
        replies = yield [
            Generate(
                state.prompt,
                n=params.rollouts,
                max_tokens=params.max_tokens,
                temperature=params.temperature,
            )
            for state in states
        ]
        verdicts = yield [
            Verify(state.problem, state.response + completion.text)
            for state, completions in zip(states, replies, strict=True)
            for completion in completions
        ]
        m = params.rollouts
        rewards = [verdict.reward for verdict in verdicts]
        return [sum(rewards[i * m : (i + 1) * m]) / m for i in range(len(states))]
