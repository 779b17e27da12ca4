"""The verifier under the kit, on problems of tasks of every sort: text, JSON, numbers, algebra."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from astro.testing import Case, VerifierConformance
from astro.types import Problem


class TestTagged(VerifierConformance):
    name = "reasoning_gym"
    problems: Mapping[str, Problem]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def drawn(cls, few: dict[str, Problem]) -> None:
        cls.problems = few

    def cases(self) -> list[Case]:
        return [
            Case(
                problem,
                right=(
                    self.stated(problem),
                    f"<answer>7</answer> No:\n{self.stated(problem)}\nDone.",
                ),
                wrong=(
                    "<answer>banana</answer>",
                    "<answer></answer>",
                    problem.answer,
                    f"{self.stated(problem)} <answer>or something else</answer>",
                    self.stated(problem).removesuffix("</answer>"),
                ),
            )
            for problem in self.problems.values()
        ]

    def stated(self, problem: Problem) -> str:
        return f"<answer> {problem.answer}\n</answer>"


class TestBoxed(TestTagged):
    params: Mapping[str, Any] = {"extract": "boxed", "preload": ["leg_counting"]}

    def cases(self) -> list[Case]:
        problem = self.problems["leg_counting"]
        wrong = (f"<answer>{problem.answer}</answer>", r"\boxed{banana}", problem.answer)
        return [Case(problem, right=(self.stated(problem),), wrong=wrong)]

    def stated(self, problem: Problem) -> str:
        return rf"\boxed{{{problem.answer}}}"
