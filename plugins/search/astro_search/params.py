"""Parameters of the search algorithms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import sqrt
from typing import Annotated, Literal

from pydantic import Field

from astro.builtin.rollout import RolloutSampling
from astro.planning.cost import RequestCost, StageCost
from astro.plugins.params import Chosen, Params
from astro.rehearsal.rehearsable import RehearsalScale, capped


class PuctParams(Params):
    """Parameters of the rule `puct`."""

    c_puct: Annotated[float, Field(ge=0, description="weight of the prior in PUCT")] = 1.0


class UctParams(Params):
    """Parameters of the rule `uct`."""

    c_p: Annotated[
        float, Field(ge=0, description="exploration constant C_p; sqrt(1/2) gives UCB1")
    ] = sqrt(0.5)


class Puct(Params):
    """PUCT, the selection rule of ASTRO."""

    name: Literal["puct"] = "puct"
    params: PuctParams = PuctParams()


class Uct(Params):
    """UCT (Kocsis & Szepesvari 2006)."""

    name: Literal["uct"] = "uct"
    params: UctParams = UctParams()


StopRule = Literal["cannot_be_caught", "leader_probability"]
Selection = Annotated[Puct | Uct, Field(discriminator="name")]


class Prior(Params):
    """Rule of the prior Pi(a|S) of an action, by the log-probability of its step."""

    name: Annotated[
        Literal["policy", "length_normalized", "tempered", "uniform"],
        Field(description="softmax of: sum, mean per token, sum / temperature, 0"),
    ] = "policy"
    temperature: Annotated[float, Field(gt=0, description="of rule `tempered`")] = 10.0


POLICY_PRIOR = Prior()


class Widening(Params):
    """Progressive widening: a node is expanded while it has fewer than c N^alpha children."""

    c: Annotated[float, Field(gt=0, description="children at the first visit")] = 2.0
    alpha: Annotated[float, Field(gt=0, le=1, description="exponent of the visit count")] = 0.5


class StepSampling(Params):
    """How steps are sampled, and how many of them a path may have."""

    max_depth: Annotated[int, Field(ge=1, description="largest number of steps on a path")] = 50
    temperature: Annotated[float, Field(ge=0, description="sampling temperature of steps")] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1, description="nucleus sampling of steps")] = 1.0
    step_tokens: Annotated[int, Field(ge=1, description="largest number of tokens of a step")] = 256
    max_path_tokens: (
        Annotated[int, Field(ge=1, description="no step follows a path of this many tokens")] | None
    ) = None

    def drawn(self, n: int) -> int:
        """Return how many of `n` samples are drawn: one at temperature 0, as all are equal."""
        return n if self.temperature else 1


class MctsParams(StepSampling):
    """Parameters of `mcts`. The defaults are those of ASTRO."""

    selection: Annotated[Selection, Field(description="rule that selects a leaf")] = Puct()
    expand: Annotated[
        int, Field(ge=1, le=10_000, description="k, the number of actions sampled at a leaf")
    ] = 8
    iterations: Annotated[int, Field(ge=1, description="number of leaves selected in a search")] = (
        32
    )
    leaves: Annotated[
        int, Field(ge=1, le=10_000, description="leaves expanded at once; 1 is the exact algorithm")
    ] = 1
    prior: Annotated[Prior, Field(description="rule of the prior of an action")] = POLICY_PRIOR
    revisit: Annotated[
        bool, Field(description="select fully expanded subtrees again instead of skipping them")
    ] = False
    widening: (
        Annotated[Widening, Field(description="expand nodes again as they are visited more often")]
        | None
    ) = None
    keep_rollouts: Annotated[
        bool, Field(description="put the steps of rollouts into the tree, as unvisited nodes")
    ] = False
    enough_correct: (
        Annotated[int, Field(ge=1, description="stop at this many correct terminal states")] | None
    ) = None
    enough_incorrect: (
        Annotated[int, Field(ge=1, description="stop at this many distinct wrong answers")] | None
    ) = None

    def problems(self, chosen: Mapping[str, Chosen]) -> Iterator[str]:
        """Return a line if the value makes no rollouts that could be kept."""
        value = chosen.get("value")
        if self.keep_rollouts and value and not isinstance(value.params, RolloutSampling):
            yield f"params.keep_rollouts: the value {value.name} makes no rollouts"

    def cost(self) -> StageCost:
        """Return the cost of one tree."""
        actions = RequestCost(
            "actions", self.iterations, self.expand, self.step_tokens, valued=True
        )
        return StageCost((actions,), path_tokens=self.max_path_tokens)

    def rehearsed(self, scale: RehearsalScale) -> dict[str, float]:
        """A few shallow iterations, with room in a step for a model with one token per letter."""
        small = capped(self, expand=3, iterations=6, leaves=2, max_depth=8)
        return {**small, "step_tokens": scale.step_tokens}


class BestOfNParams(StepSampling):
    """Parameters of `best_of_n`."""

    samples: Annotated[
        int, Field(ge=1, le=100_000, description="n, the number of responses per problem")
    ] = 64
    at_once: Annotated[
        int,
        Field(ge=1, description="responses sampled at the same time; a budget cuts off the latest"),
    ] = 8
    stop: Annotated[
        StopRule | None, Field(description="end the vote early, by this rule, between the waves")
    ] = None
    threshold: Annotated[
        float, Field(gt=0.5, lt=1, description="for leader_probability: stop above this")
    ] = 0.95

    def cost(self) -> StageCost:
        """Return the cost of one tree if every response has `max_depth` steps."""
        steps = RequestCost(
            "steps", self.max_depth, self.samples, self.step_tokens, successive=True
        )
        return StageCost((steps,), path_tokens=self.max_path_tokens)

    def rehearsed(self, scale: RehearsalScale) -> dict[str, float]:
        """A few short responses, with room in a step for a model with one token per letter."""
        return {**capped(self, samples=6, max_depth=8), "step_tokens": scale.step_tokens}


class SelfConsistencyParams(BestOfNParams):
    """Parameters of `self_consistency`: those of `best_of_n`, with a vote that may end early."""

    samples: Annotated[
        int, Field(ge=1, le=100_000, description="n, the largest number of responses")
    ] = 32
    at_once: Annotated[
        int, Field(ge=1, description="responses in a wave, after which the vote may end")
    ] = 4
    stop: Annotated[
        StopRule | None, Field(description="end the vote early, by this rule, between the waves")
    ] = "leader_probability"
