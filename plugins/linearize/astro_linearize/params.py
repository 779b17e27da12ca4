"""What a linearizer may be told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from astro.params import Params

CorrectChoice = Literal["random", "highest_q", "shortest"]
WrongChoice = Literal["random", "lowest_q", "highest_visits"]
Order = Literal["random", "nearest_last"]
Merge = Literal["common_ancestor", "root"]


class DirectParams(Params):
    """Params of `direct`: which solutions, and how long."""

    correct: Annotated[
        CorrectChoice, Field(description="which correct terminal a trace ends at")
    ] = "random"
    traces_per_tree: Annotated[int, Field(ge=1, description="distinct traces, at most")] = 1
    max_chars: Annotated[int, Field(ge=1, description="length of a response")] | None = None
    max_tokens: (
        Annotated[int, Field(ge=1, description="as sampled; words where there are no token ids")]
        | None
    ) = None


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
