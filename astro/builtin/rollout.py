"""R(S) by rollouts: complete the state M times and average the rewards."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from statistics import fmean
from typing import Annotated

from pydantic import Field

from astro.planning.cost import RequestCost, StageCost
from astro.plugins.params import Params
from astro.rehearsal.rehearsable import RehearsalScale, capped
from astro.requests import Generate, Program, Verify, paid
from astro.types import Completion, FinishReason, State, Verdict


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

    def estimate(
        self,
        states: Sequence[State],
        seed: int,  # noqa: ARG002
    ) -> Program[list[float | None]]:
        """One value in [0, 1] per state. All randomness is in the policy, so `seed` is not used.

        A verifier's fault is no wrong rollout: it is left out, as is one that a budget did not pay
        for. The value of a state of which no rollout is left is None. Of a rollout that was cut
        off, only the whole lines are verified.
        """
        params = self._params
        requests = [
            Generate(
                state.prompt,
                n=params.rollouts,
                max_tokens=params.max_tokens,
                temperature=params.temperature,
            )
            for state in states
        ]
        replies, _ = yield from paid(requests)
        verdicts = iter(
            (
                yield [
                    Verify(state.problem, state.response + _whole(completion))
                    for state, completions in zip(states, replies, strict=True)
                    for completion in completions
                ]
            )
        )
        return [_mean(list(islice(verdicts, len(completions)))) for completions in replies]


def _whole(completion: Completion) -> str:
    """The text, without its last line if the token limit cut that off: `1` may stand for `12`."""
    cut = completion.finish_reason is FinishReason.LENGTH
    return completion.text[: completion.text.rfind("\n") + 1] if cut else completion.text


def _mean(verdicts: Sequence[Verdict]) -> float | None:
    """The mean reward of the verdicts that are no faults."""
    rewards = [verdict.reward for verdict in verdicts if not verdict.status.fault]
    return fmean(rewards) if rewards else None
