"""R(S) by the policy's own confidence: the mean log-probability of the tokens so far."""

from __future__ import annotations

import math
from collections.abc import Sequence

from astro.errors import PolicyError
from astro.requests import Program
from astro.types import State, Step, tokens_of


class LogProbValue:
    """R(S) = exp((1/n) sum_i log p(token_i)), over the n tokens of the steps of S.

    This is the geometric mean of the tokens' probabilities, the inverse of the perplexity, and the
    length-normalized probability of Wang et al. 2022 (arXiv 2203.11171), section 2. It costs
    nothing, since every sample comes with its log-probabilities. The tokens of a step whose ids are
    not known are estimated from its text.
    """

    rates_terminals = True

    def __init__(self, params: None = None) -> None:
        pass

    def estimate(self, states: Sequence[State], seed: int) -> Program[list[float | None]]:  # noqa: ARG002
        """One value in [0, 1] per state; None for a state without a token.

        A log-probability of 0 is that of a certain step if its tokens are known, and is otherwise
        taken for a missing one.

        Raises:
            PolicyError: There are steps, and none has a log-probability.
        """
        yield from ()
        steps = [step for state in states for step in _written(state)]
        if steps and not any(step.logprob or step.token_ids for step in steps):
            raise PolicyError("the value logprob needs a policy that gives log-probabilities")
        return [_value(state) for state in states]


def _written(state: State) -> list[Step]:
    return [step for step in state.steps if step.text or step.token_ids]


def _value(state: State) -> float | None:
    steps = _written(state)
    tokens = tokens_of(steps)
    return math.exp(sum(step.logprob for step in steps) / tokens) if tokens else None
