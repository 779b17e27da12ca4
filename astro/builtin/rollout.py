"""R(S) by rollouts: play the state out M times and average the verdicts."""

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

    rollouts: Annotated[int, Field(ge=1, description="M, rollouts a state")] = 16
    max_tokens: Annotated[int, Field(ge=1, description="tokens a rollout may take")] = 1024
    temperature: Annotated[float, Field(gt=0)] = 1.0

    def cost(self) -> StageCost:
        """A state's."""
        return StageCost((RequestCost("rollouts", 1, self.rollouts, self.max_tokens),))

    def rehearsed(self, scale: RehearsalScale) -> dict[str, float]:
        """Two rollouts, with room for a model with one token per letter."""
        return {**capped(self, rollouts=2), "max_tokens": scale.response_tokens}


class Rollout:
    """R(S_{t+1}) = (1/M) * sum_j V(rollout_j) (ASTRO, section 2)."""

    def __init__(self, params: RolloutParams) -> None:
        self._params = params

    def estimate(self, states: Sequence[State], seed: int) -> Program[list[float]]:  # noqa: ARG002
        """One value in [0, 1] for each state. Its randomness is the policy's alone."""
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
