"""What a search may be told."""

from __future__ import annotations

from math import sqrt
from typing import Annotated, Literal

from pydantic import Field

from astro.planning.cost import RequestCost, StageCost
from astro.plugins.params import Params
from astro.rehearsal.rehearsable import RehearsalScale, capped


class PuctParams(Params):
    c_puct: Annotated[float, Field(ge=0, description="weight of the prior")] = 1.0


class UctParams(Params):
    c_p: Annotated[float, Field(ge=0, description="C_p; sqrt(1/2) makes it UCB1")] = sqrt(0.5)


class Puct(Params):
    """PUCT, the paper's rule."""

    name: Literal["puct"] = "puct"
    params: PuctParams = PuctParams()


class Uct(Params):
    """UCT (Kocsis & Szepesvari 2006)."""

    name: Literal["uct"] = "uct"
    params: UctParams = UctParams()


Selection = Annotated[Puct | Uct, Field(discriminator="name")]


class MctsParams(Params):
    """Params of `mcts`. The defaults are the paper's."""

    selection: Selection = Puct()
    expand: Annotated[int, Field(ge=1, description="k, the actions sampled at a leaf")] = 8
    iterations: Annotated[int, Field(ge=1, description="leaves selected in all")] = 32
    leaves: Annotated[
        int, Field(ge=1, description="leaves under way at once; 1 is the exact algorithm")
    ] = 1
    revisit: Annotated[
        bool, Field(description="select explored subtrees again, instead of passing them over")
    ] = False
    max_depth: Annotated[int, Field(ge=1, description="steps on a path")] = 50
    temperature: Annotated[float, Field(ge=0)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    step_tokens: Annotated[int, Field(ge=1, description="tokens a step may have")] = 256
    enough_correct: (
        Annotated[int, Field(ge=1, description="stop at this many correct terminals")] | None
    ) = None
    enough_incorrect: (
        Annotated[int, Field(ge=1, description="stop at this many distinct wrong answers")] | None
    ) = None

    def cost(self) -> StageCost:
        """A tree's."""
        actions = RequestCost(
            "actions", self.iterations, self.expand, self.step_tokens, valued=True
        )
        return StageCost((actions,))

    def rehearsed(self, scale: RehearsalScale) -> dict[str, float]:
        """A few shallow iterations, with room in a step for a model with one token per letter."""
        small = capped(self, expand=3, iterations=6, leaves=2, max_depth=8)
        return {**small, "step_tokens": scale.step_tokens}


class BestOfNParams(Params):
    """Params of `best_of_n`."""

    samples: Annotated[int, Field(ge=1, description="n, the responses to a problem")] = 64
    at_once: Annotated[
        int, Field(ge=1, description="responses under way at once; a budget ends the latest")
    ] = 8
    max_depth: Annotated[int, Field(ge=1, description="steps of a response")] = 50
    temperature: Annotated[float, Field(ge=0)] = 1.0
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    step_tokens: Annotated[int, Field(ge=1, description="tokens a step may have")] = 256

    def cost(self) -> StageCost:
        """A tree's, if every response takes all the steps that it may."""
        return StageCost((RequestCost("steps", self.max_depth, self.samples, self.step_tokens),))

    def rehearsed(self, scale: RehearsalScale) -> dict[str, float]:
        """A few short responses, with room in a step for a model with one token per letter."""
        return {**capped(self, samples=6, max_depth=8), "step_tokens": scale.step_tokens}
