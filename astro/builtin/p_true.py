"""R(S) by self-assessment: the probability by which a model judges the solution so far right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from astro.data.templates import SolutionTemplate, filled
from astro.errors import PolicyError
from astro.planning.cost import RequestCost, StageCost
from astro.plugins.params import Params
from astro.plugins.roles import Role
from astro.requests import POLICY, LogProb, Program
from astro.types import Prompt, State

_QUESTION = """\
Problem:
{problem}

The beginning of a solution:
{solution}

Is all of this right so far, and on the way to the answer? Answer with Yes or No."""
_FLOOR = -1e9
"""Stands for a log-probability of minus infinity."""
_FARTHEST = 700.0
"""At this distance of log-probabilities the smaller one does not count, and e^x is still finite."""

_Word = Annotated[str, Field(min_length=1)]


class PTrueParams(Params):
    """Params of value `p_true`."""

    question: Annotated[
        SolutionTemplate, Field(description="the prompt, with {problem} and {solution}")
    ] = _QUESTION
    true: Annotated[_Word, Field(description="the beginning of a reply that approves")] = "Yes"
    false: Annotated[_Word, Field(description="the beginning of a reply that does not")] = "No"

    model: Role = POLICY

    def cost(self) -> StageCost:
        """The cost of one state."""
        asks = RequestCost("judgements", requests=1, samples=2, max_tokens=0, model=self.model)
        return StageCost((asks,))


class PTrue:
    """R(S) = p(true) / (p(true) + p(false)) (Kadavath et al., arXiv 2207.05221, section 3)."""

    rates_terminals = True

    def __init__(self, params: PTrueParams) -> None:
        self._params = params

    def estimate(self, states: Sequence[State], seed: int) -> Program[list[float]]:  # noqa: ARG002
        """One value in [0, 1] per state. Nothing is sampled, so `seed` is not used."""
        replies = yield [self._asked(state) for state in states]
        return [_share(*map(sum, both)) for both in replies]

    def _asked(self, state: State) -> LogProb:
        values = {"problem": state.problem.prompt, "solution": state.response.strip()}
        question = filled(self._params.question, values)
        texts = (self._params.true, self._params.false)
        return LogProb(Prompt(question), texts, self._params.model)


def _share(true: float, false: float) -> float:
    """e^true / (e^true + e^false). Raises `PolicyError` if one of them is not a number."""
    if math.isnan(true + false):
        raise PolicyError("the policy's log-probabilities are not numbers")
    distance = max(_FLOOR, false) - max(_FLOOR, true)
    return 1.0 / (1.0 + math.exp(min(max(-_FARTHEST, distance), _FARTHEST)))
