"""R(S) by rollouts: complete the state M times and average the rewards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from statistics import fmean
from typing import Annotated

from pydantic import Field

from astro.interfaces import Rollouts
from astro.planning.cost import HasCost, RequestCost, StageCost
from astro.plugins.hookspecs import NO_VERIFIER
from astro.plugins.params import Chosen, Params
from astro.rehearsal.rehearsable import RehearsalScale, capped
from astro.requests import Generate, Program, Verify, paid
from astro.types import Completion, FinishReason, State, Verdict


class RolloutSampling(Params):
    """How the rollouts of a value estimator are sampled."""

    rollouts: Annotated[int, Field(ge=1, le=10_000, description="M, rollouts per state")] = 16
    max_tokens: Annotated[int, Field(ge=1, description="tokens in a rollout, at most")] = 1024
    temperature: Annotated[float, Field(gt=0, description="of the rollouts")] = 1.0

    def cost(self) -> StageCost:
        """The cost of one state."""
        return StageCost((RequestCost("rollouts", 1, self.rollouts, self.max_tokens),))

    def rehearsed(self, scale: RehearsalScale) -> dict[str, float]:
        """Two rollouts, with room for a model with one token per letter."""
        return {**capped(self, rollouts=2), "max_tokens": scale.response_tokens}


class RolloutParams(RolloutSampling):
    """Params of value `rollout`."""

    def problems(self, chosen: Mapping[str, Chosen]) -> Iterator[str]:
        """Rollouts have no reward without verdicts."""
        search, verifier = chosen.get("search"), chosen.get("verifier")
        cost = search.params.cost() if search and isinstance(search.params, HasCost) else None
        valued = cost is None or any(request.valued for request in cost.requests)
        if verifier and verifier.name == NO_VERIFIER and valued:
            yield (
                f"name: rollout needs verdicts, and verifier {NO_VERIFIER} gives none; use "
                "self_consistency, logprob, p_true or reward_model"
            )


class Rollout:
    """R(S_{t+1}) = (1/M) * sum_j V(rollout_j) (arXiv 2507.00417, section 2)."""

    def __init__(self, params: RolloutParams) -> None:
        self._params = params

    def estimate(self, states: Sequence[State], seed: int) -> Program[list[float | None]]:
        """One value in [0, 1] per state, as `roll_out` finds it."""
        return [found.value for found in (yield from self.roll_out(states, seed))]

    def roll_out(
        self,
        states: Sequence[State],
        seed: int,  # noqa: ARG002
    ) -> Program[list[Rollouts]]:
        """The rollouts of each state. All randomness is in the policy, so `seed` is not used.

        A verifier's fault is no wrong rollout: it is left out, as is one that a budget did not pay
        for. The value of a state of which no rollout is left is None. Of a rollout that was cut
        off, only the whole lines are verified.
        """
        replies, _ = yield from paid([rollout_request(state, self._params) for state in states])
        verdicts = iter(
            (
                yield [
                    Verify(state.problem, state.response + whole_lines(completion))
                    for state, completions in zip(states, replies, strict=True)
                    for completion in completions
                ]
            )
        )
        judged = [list(islice(verdicts, len(completions))) for completions in replies]
        return [
            Rollouts(_mean(found), state, completions, found)
            for state, completions, found in zip(states, replies, judged, strict=True)
        ]


def rollout_request(state: State, params: RolloutSampling) -> Generate:
    """The request for the rollouts of a state."""
    return Generate(
        state.prompt,
        n=params.rollouts,
        max_tokens=params.max_tokens,
        temperature=params.temperature,
    )


def whole_lines(completion: Completion) -> str:
    """The text, without its last line if the token limit cut that off: `1` may stand for `12`."""
    cut = completion.finish_reason is FinishReason.LENGTH
    return completion.text[: completion.text.rfind("\n") + 1] if cut else completion.text


def _mean(verdicts: Sequence[Verdict]) -> float | None:
    """The mean reward of the verdicts that are no faults."""
    rewards = [verdict.reward for verdict in verdicts if not verdict.status.fault]
    return fmean(rewards) if rewards else None
