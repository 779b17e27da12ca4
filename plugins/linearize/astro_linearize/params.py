"""Parameters of the linearizers."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from astro.data.templates import SolutionTemplate
from astro.engine.selection import SelectionRule
from astro.planning.cost import RequestCost, StageCost
from astro.plugins.params import Params, RegularExpression
from astro.plugins.roles import Role
from astro.rehearsal.rehearsable import RehearsalScale, capped
from astro.requests import POLICY
from astro_linearize.examples import EXAMPLES, INSTRUCTION, FewShot

CorrectChoice = Literal["random", "highest_q", "shortest"]
WrongChoice = Literal["random", "lowest_q", "highest_visits"]
Order = Literal["random", "nearest_last", "depth_first"]
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
    """Self-evaluation of correct solutions; only those approved in every sample are kept."""

    model: Role = POLICY
    samples: Annotated[
        int, Field(ge=1, le=10_000, description="judgments per solution; all of them must approve")
    ] = 4
    question: Annotated[
        SolutionTemplate, Field(description="prompt, with placeholders {problem} and {solution}")
    ] = QUESTION
    approval: Annotated[
        RegularExpression,
        Field(description="regular expression that matches a judgment which approves"),
    ] = r"(?i)^\W*yes\b"
    max_tokens: Annotated[int, Field(ge=1, description="largest length of a judgment")] = 16
    temperature: Annotated[float, Field(ge=0, description="sampling temperature of judgments")] = (
        1.0
    )


class DirectParams(Params):
    """Parameters of `direct`: the choice of solutions, and limits on the length."""

    correct: Annotated[
        CorrectChoice, Field(description="correct terminal at which a trace ends")
    ] = "random"
    select: Annotated[
        SelectionRule | None,
        Field(description="choice of the answer that counts as correct in trees without verdicts"),
    ] = None
    self_evaluation: Annotated[
        SelfEvaluationParams | None,
        Field(description="ask the model to judge each solution; {} for the defaults"),
    ] = None
    traces_per_tree: Annotated[
        int, Field(ge=1, le=10_000, description="largest number of traces per tree")
    ] = 1
    max_chars: (
        Annotated[int, Field(ge=1, description="largest length of a response in characters")] | None
    ) = None
    max_tokens: (
        Annotated[
            int,
            Field(ge=1, description="largest length in sampled tokens, or words without token ids"),
        ]
        | None
    ) = None

    def cost(self) -> StageCost:
        """Return the cost of one tree, assuming that one solution is judged per trace."""
        traces, judged = self.traces_per_tree, self.self_evaluation
        if judged is None:
            return StageCost(traces=traces)
        asks = RequestCost(
            "judgements", traces, judged.samples, judged.max_tokens, model=judged.model
        )
        return StageCost((asks,), traces)

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:  # noqa: ARG002
        """Make two traces. Self-evaluation still asks the model, but any judgment approves."""
        small: dict[str, Any] = capped(self, traces_per_tree=2)
        if self.self_evaluation:
            own = self.self_evaluation.model_dump(exclude_unset=True)
            small["self_evaluation"] = {**own, "samples": 2, "approval": ""}
        return small


class BacktrackParams(DirectParams):
    """Parameters of `backtrack`: also the mix of traces, and the choice of wrong paths."""

    max_backtracks: Annotated[
        int, Field(ge=0, le=10_000, description="largest k, the number of backtracks")
    ] = 3
    direct_share: Annotated[
        float, Field(ge=0, le=1, description="share of k = 0; the other k share the rest equally")
    ] = 0.2
    shares: Annotated[
        dict[Annotated[int, Field(ge=0)], Annotated[float, Field(ge=0, allow_inf_nan=False)]]
        | None,
        Field(description="weight of each k, instead of max_backtracks and direct_share"),
    ] = None
    wrong_branch: Annotated[
        WrongChoice, Field(description="which branches off the correct path are preferred")
    ] = "random"
    order: Annotated[
        Order,
        Field(
            description="order of wrong paths; nearest_last: those that share most steps with the "
            "correct path come last; depth_first: no trace returns to a branch that it left"
        ),
    ] = "random"
    merge: Annotated[
        Merge, Field(description="node to which a backtrack returns before the next path")
    ] = "common_ancestor"
    cut_share: Annotated[
        float, Field(ge=0, le=1, description="share of wrong paths that are cut before their end")
    ] = 0.0
    reflect: Annotated[bool, Field(description="put a reflection before each backtrack")] = True
    train_wrong_steps: Annotated[
        bool, Field(description="count steps off the correct path as loss tokens")
    ] = True

    @field_validator("shares")
    @classmethod
    def _some_weight(cls, shares: dict[int, float] | None) -> dict[int, float] | None:
        if shares is not None and not sum(shares.values()):
            raise ValueError("at least one weight must be above 0")
        return shares

    def weights(self) -> dict[int, float]:
        """Return the weight of each number of backtracks k."""
        if self.shares is not None:
            return self.shares
        if not self.max_backtracks:
            return {0: 1.0}
        rest = (1 - self.direct_share) / self.max_backtracks
        return {0: self.direct_share} | dict.fromkeys(range(1, self.max_backtracks + 1), rest)

    def cost(self) -> StageCost:
        """Return the cost of one tree, where a trace with k backtracks walks k + 1 paths."""
        weights = self.weights()
        backtracks = sum(k * weight for k, weight in weights.items()) / sum(weights.values())
        return replace(super().cost(), paths=1 + backtracks)


class RewriteParams(BacktrackParams):
    """Params of `rewrite`: also how the policy is asked to put a trace in its own words."""

    model: Role = POLICY
    attempts: Annotated[
        int, Field(ge=1, description="rewritings to try before the template's words are kept")
    ] = 2
    temperature: Annotated[float, Field(ge=0, description="sampling temperature of rewritings")] = (
        0.7
    )
    reply_tokens: Annotated[int, Field(ge=1, description="largest length of a rewriting")] = 4_096
    instruction: Annotated[str, Field(description="first part of the prompt")] = INSTRUCTION
    examples: Annotated[
        tuple[FewShot, ...], Field(description="few-shot examples of notes and their rewriting")
    ] = EXAMPLES

    def cost(self) -> StageCost:
        """Return the cost of one tree if every rewriting succeeds at the first attempt."""
        work = super().cost()
        rewriting = RequestCost(
            "rewriting", self.traces_per_tree, 1, self.reply_tokens, model=self.model
        )
        return replace(work, requests=(*work.requests, rewriting))

    def rehearsed(self, scale: RehearsalScale) -> dict[str, Any]:
        """Make one attempt at a short rewriting of each trace."""
        small = capped(self, attempts=1, reply_tokens=scale.response_tokens)
        return {**super().rehearsed(scale), **small}
