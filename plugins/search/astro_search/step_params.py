"""Parameters of the searches that choose among steps by their values."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from astro.planning.cost import RequestCost, StageCost
from astro.rehearsal.rehearsable import RehearsalScale, capped
from astro_search.params import StepSampling


class LevelParams(StepSampling):
    """Parameters of a search that samples many steps at each depth."""

    def per_level(self) -> int:
        """Return the largest number of steps that are sampled at one depth."""
        raise NotImplementedError

    def cost(self) -> StageCost:
        """Return the cost of one tree if every path has `max_depth` steps."""
        return self.steps(self.max_depth, self.per_level(), successive=True)

    def steps(self, requests: int, samples: int, *, successive: bool = False) -> StageCost:
        """Return the cost of one tree that takes so many requests."""
        steps = RequestCost(
            "steps", requests, samples, self.step_tokens, valued=True, successive=successive
        )
        return StageCost((steps,), path_tokens=self.max_path_tokens)

    def rehearsed(self, scale: RehearsalScale) -> dict[str, float]:
        """Short paths, with room in a step for a model with one token per letter."""
        return {**capped(self, max_depth=8), "step_tokens": scale.step_tokens}


_Width = Annotated[int, Field(ge=1, le=10_000, description="paths that are kept at each depth")]
_Expand = Annotated[int, Field(ge=1, le=10_000, description="steps sampled after each path")]


class BeamParams(LevelParams):
    """Parameters of `beam`."""

    width: _Width = 4
    expand: _Expand = 4

    def per_level(self) -> int:
        """Return the number of steps sampled after all beams."""
        return self.width * self.expand


class TotBfsParams(BeamParams):
    """Parameters of `tot_bfs`."""

    width: _Width = 5
    expand: _Expand = 5


class DvtsParams(LevelParams):
    """Parameters of `dvts`."""

    samples: Annotated[
        int, Field(ge=1, le=100_000, description="n, the steps sampled at each depth")
    ] = 16
    width: Annotated[
        int, Field(ge=1, description="M, the steps sampled in a subtree; it divides `samples`")
    ] = 4

    @model_validator(mode="after")
    def _whole_subtrees(self) -> DvtsParams:
        if self.samples % self.width:
            raise ValueError(f"samples: {self.samples} is no multiple of width {self.width}")
        return self

    def per_level(self) -> int:
        """Return the number of steps sampled in all subtrees."""
        return self.samples


class RebaseParams(LevelParams):
    """Parameters of `rebase`."""

    samples: Annotated[
        int, Field(ge=1, le=100_000, description="the steps sampled at each depth")
    ] = 16
    reward_temperature: Annotated[
        float, Field(gt=0, description="T; the lower it is, the more the best states get")
    ] = 0.2

    def per_level(self) -> int:
        """Return the number of steps sampled after all states."""
        return self.samples


class ParticleParams(LevelParams):
    """Parameters of `particle`."""

    particles: Annotated[int, Field(ge=1, le=100_000, description="the number of particles")] = 16
    resampling: Annotated[
        Literal["systematic", "multinomial"], Field(description="how particles are drawn again")
    ] = "systematic"

    def per_level(self) -> int:
        """Return the number of particles."""
        return self.particles


class TotDfsParams(LevelParams):
    """Parameters of `tot_dfs`."""

    expand: _Expand = 5
    threshold: Annotated[
        float, Field(ge=0, le=1, description="a state is visited if its value is above this")
    ] = 0.5
    visits: Annotated[int, Field(ge=1, description="largest number of states to expand")] = 100
    solutions: Annotated[int, Field(ge=1, description="stop at this many terminal states")] = 1

    def per_level(self) -> int:
        """Return the number of steps sampled after a state."""
        return self.expand

    def cost(self) -> StageCost:
        """Return the cost of one tree if every visit is used."""
        return self.steps(self.visits, self.expand)

    def rehearsed(self, scale: RehearsalScale) -> dict[str, float]:
        """Few visits, short paths."""
        return {**super().rehearsed(scale), **capped(self, visits=8)}


class AbMctsParams(LevelParams):
    """Parameters of `ab_mcts`."""

    iterations: Annotated[int, Field(ge=1, description="the number of steps sampled")] = 64
    posterior: Annotated[
        Literal["normal", "beta"], Field(description="the model of an arm's mean reward")
    ] = "normal"

    def per_level(self) -> int:
        """Return one: steps are sampled one after another."""
        return 1

    def cost(self) -> StageCost:
        """Return the cost of one tree."""
        return self.steps(self.iterations, 1)

    def rehearsed(self, scale: RehearsalScale) -> dict[str, float]:
        """A few steps, short paths."""
        return {**super().rehearsed(scale), **capped(self, iterations=8)}
