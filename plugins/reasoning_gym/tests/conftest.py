"""What the tests of the plugin share."""

from __future__ import annotations

import pytest

from astro.types import Problem
from astro_reasoning_gym.params import ProblemParams
from astro_reasoning_gym.problems import ReasoningGymProblems

FEW = ("leg_counting", "countdown", "graph_color", "simple_integration", "word_sorting", "rearc")


@pytest.fixture(scope="session")
def few() -> dict[str, Problem]:
    """A problem of each of some tasks, by task."""
    params = ProblemParams(tasks={task: {} for task in FEW}, train=len(FEW))
    return {
        problem.metadata["task"]: problem for problem in ReasoningGymProblems(params).load("train")
    }
