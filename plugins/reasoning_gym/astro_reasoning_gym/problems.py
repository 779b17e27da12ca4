"""Problems made by reasoning-gym, of one task or several in turn; the splits share none."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, zip_longest

from astro.errors import ProblemError
from astro.types import Problem
from astro_reasoning_gym.generation import Draw, draw_apart
from astro_reasoning_gym.params import ProblemParams

_SPLITS = ("train", "dev", "test")


class ReasoningGymProblems:
    """Each split holds its number of problems, equally many of each task up to one."""

    by_rule = True

    def __init__(self, params: ProblemParams) -> None:
        self._params = params

    def load(self, split: str) -> Sequence[Problem]:
        """Raises `ProblemError`: an unknown task, settings that it refuses, too many problems."""
        if split not in _SPLITS:
            raise ProblemError(f"no split {split!r}", f"there are {', '.join(_SPLITS)}")
        params = self._params
        total: int = getattr(params, split)
        each, more = divmod(total, len(params.tasks))
        draws = [
            Draw(task, settings, split, each + (i < more), params.seed, params.instruction)
            for i, (task, settings) in enumerate(params.tasks.items())
        ]
        turns = zip_longest(*draw_apart([draw for draw in draws if draw.count]))
        return [problem for problem in chain.from_iterable(turns) if problem]
