"""What a linearizer may be told."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from astro.data.templates import SolutionTemplate
from astro.planning.cost import RequestCost, StageCost
from astro.plugins.params import Params, RegularExpression
from astro.plugins.roles import Role
from astro.rehearsal.rehearsable import RehearsalScale, capped
from astro.requests import POLICY
from astro_linearize.examples import EXAMPLES, INSTRUCTION, Example

CorrectChoice = Literal["random", "highest_q", "shortest"]
WrongChoice = Literal["random", "lowest_q", "highest_visits"]
Order = Literal["random", "nearest_last"]
Merge = Literal["common_ancestor", "root"]


QUESTION = """\
Here is a problem and a solution whose final answer is known to be right.

Problem:
{problem}

Solution:
{solution}

Is this a solution of high quality, where every step follows, and none is missing or beside \
the point? Answer with yes or no."""


class SelfEvaluationParams(Params):
    """How the policy is asked to judge a correct solution; kept are those approved each time."""

    model: Role = POLICY
    samples: Annotated[int, Field(ge=1, description="judgements of each solution")] = 4
    question: Annotated[
        SolutionTemplate, Field(description="with {problem} and {solution} where they are to stand")
    ] = QUESTION
    approval: Annotated[
        RegularExpression,
        Field(description="a judgement that this regular expression matches approves"),
    ] = r"(?i)^\W*yes\b"
    max_tokens: Annotated[int, Field(ge=1, description="of a judgement")] = 16
    temperature: Annotated[float, Field(ge=0, description="of the judgements")] = 1.0


class DirectParams(Params):
    """Params of `direct`: which solutions, and how long."""

    correct: Annotated[
        CorrectChoice, Field(description="which correct terminal a trace ends at")
    ] = "random"
    self_evaluation: Annotated[
        SelfEvaluationParams | None,
        Field(description="ask the policy to judge each solution; {} for the defaults"),
    ] = None
    traces_per_tree: Annotated[int, Field(ge=1, description="distinct traces, at most")] = 1
    max_chars: Annotated[int, Field(ge=1, description="length of a response")] | None = None
    max_tokens: (
        Annotated[int, Field(ge=1, description="as sampled; words where there are no token ids")]
        | None
    ) = None

    def cost(self) -> StageCost:
        """A tree's; as many solutions are judged as traces come of it."""
        traces, judged = self.traces_per_tree, self.self_evaluation
        if judged is None:
            return StageCost(traces=traces)
        asks = RequestCost(
            "judgements", traces, judged.samples, judged.max_tokens, model=judged.model
        )
        return StageCost((asks,), traces)

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:  # noqa: ARG002
        """Two traces. Self-evaluation still asks, but any judgement approves."""
        small: dict[str, Any] = capped(self, traces_per_tree=2)
        if self.self_evaluation:
            own = self.self_evaluation.model_dump(exclude_unset=True)
            small["self_evaluation"] = {**own, "samples": 2, "approval": ""}
        return small


class BacktrackParams(DirectParams):
    """Params of `backtrack`: also the mix of traces, and the choice of wrong paths."""

    max_backtracks: Annotated[int, Field(ge=0, description="largest k")] = 3
    direct_share: Annotated[
        float, Field(ge=0, le=1, description="share of k = 0; the other k share the rest equally")
    ] = 0.2
    shares: Annotated[
        dict[Annotated[int, Field(ge=0)], Annotated[float, Field(ge=0, allow_inf_nan=False)]]
        | None,
        Field(description="weight of each k, instead of the two above"),
    ] = None
    wrong_branch: Annotated[
        WrongChoice, Field(description="which branches off the correct path are walked")
    ] = "random"
    order: Annotated[
        Order, Field(description="of wrong paths; nearest_last: by steps shared with the correct")
    ] = "random"
    merge: Annotated[
        Merge, Field(description="where a backtrack returns to, before the next path is walked")
    ] = "common_ancestor"
    cut_share: Annotated[
        float, Field(ge=0, le=1, description="share of wrong paths that are left before their end")
    ] = 0.0
    reflect: Annotated[
        bool, Field(description="whether words of doubt stand before a backtrack")
    ] = True
    train_wrong_steps: Annotated[
        bool, Field(description="whether steps off the correct path bear loss")
    ] = True

    @field_validator("shares")
    @classmethod
    def _some_weight(cls, shares: dict[int, float] | None) -> dict[int, float] | None:
        if shares is not None and not sum(shares.values()):
            raise ValueError("at least one weight must be above 0")
        return shares

    def weights(self) -> dict[int, float]:
        """The weight of each number of backtracks k."""
        if self.shares is not None:
            return self.shares
        if not self.max_backtracks:
            return {0: 1.0}
        rest = (1 - self.direct_share) / self.max_backtracks
        return {0: self.direct_share} | dict.fromkeys(range(1, self.max_backtracks + 1), rest)

    def cost(self) -> StageCost:
        """A tree's: a trace with k backtracks walks k + 1 paths."""
        weights = self.weights()
        backtracks = sum(k * weight for k, weight in weights.items()) / sum(weights.values())
        return replace(super().cost(), paths=1 + backtracks)


class RewriteParams(BacktrackParams):
    """Params of `rewrite`: also how the policy is asked to put a trace in its own words."""

    model: Role = POLICY
    attempts: Annotated[int, Field(ge=1, description="before the template's words stand")] = 2
    temperature: Annotated[float, Field(ge=0, description="of the rewriting")] = 0.7
    reply_tokens: Annotated[int, Field(ge=1, description="of a rewritten trace, at most")] = 4_096
    instruction: Annotated[str, Field(description="what the policy is told first")] = INSTRUCTION
    examples: Annotated[
        tuple[Example, ...], Field(description="numbered notes and how they are written out")
    ] = EXAMPLES

    def cost(self) -> StageCost:
        """A tree's, if no rewriting has to be tried again."""
        work = super().cost()
        rewriting = RequestCost(
            "rewriting", self.traces_per_tree, 1, self.reply_tokens, model=self.model
        )
        return replace(work, asks=(*work.asks, rewriting))

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """One attempt at a short rewriting of each trace."""
        small = capped(self, attempts=1, reply_tokens=scale.response_tokens)
        return {**super().rehearsed(scale), **small}
