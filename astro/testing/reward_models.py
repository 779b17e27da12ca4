"""The conformance kit for reward models.

# tests/test_conformance.py
class TestMyRewardModel(RewardModelConformance):
    name = "my_reward_model"
    params = {"model": "some/tiny-model"}
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from astro.interfaces import Backend
from astro.requests import Failure, Generate, Request, Score
from astro.testing.plugins import PluginConformance
from astro.testing.policies import all_replies
from astro.types import Prompt

_ROUNDING = 1e-3
"""Scores may differ by this much between batches of different shapes."""


class RewardModelConformance(PluginConformance):
    """Subclass it, name the subclass `Test...`, and set `name` and `params`.

    One reward model is built for all tests of the class, and closed after them.
    """

    kind = "reward_model"
    outcome = False
    """Whether the model has one score per response instead of one per step."""

    problem = "What is 6 x 7?"
    responses: tuple[tuple[str, ...], ...] = (
        ("6 x 7 = 42\n", "the answer is 42\n"),
        ("6 x 7 = 42\n",),
        ("6 + 7 = 13\n", "13 x 3 = 39\n", "the answer is 39\n"),
    )
    """Different responses that the model can score, by steps."""

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls) -> Iterator[Backend]:
        model: Backend = cls._build()
        yield model
        model.add(0, cls._score(cls.responses[0]))
        model.close()  # with work under way

    def test_an_empty_queue_has_no_replies(self, model: Backend) -> None:
        assert list(model.step()) == []

    def test_scores_are_finite_and_one_per_step(self, model: Backend) -> None:
        for steps, scores in zip(self.responses, self._scores(model), strict=True):
            assert len(scores) == (1 if self.outcome else len(steps)), f"{steps}: {scores}"
            assert all(math.isfinite(score) for score in scores), f"{steps}: {scores}"

    def test_the_rest_of_the_batch_does_not_matter(self, model: Backend) -> None:
        together = self._scores(model)
        apart = [all_replies(model, [self._score(steps)])[0] for steps in self.responses]
        backward = all_replies(model, [self._score(steps) for steps in self.responses[::-1]])
        for scores, alone, reverse in zip(together, apart, backward[::-1], strict=True):
            assert scores == pytest.approx(alone, abs=_ROUNDING), "alone it scores otherwise"
            assert scores == pytest.approx(reverse, abs=_ROUNDING), "the order changes a score"

    def test_what_it_does_not_know_is_a_failure(self, model: Backend) -> None:
        asked: list[Request] = [Generate(Prompt(self.problem)), self._score(self.responses[0])]
        failure, scores = all_replies(model, asked)
        assert isinstance(failure, Failure), f"a Generate was answered with {failure!r:.80}"
        assert not isinstance(scores, Failure), f"an invalid request failed another: {scores}"

    def _scores(self, model: Backend) -> list[Any]:
        return all_replies(model, [self._score(steps) for steps in self.responses])

    @classmethod
    def _score(cls, steps: tuple[str, ...]) -> Score:
        return Score(Prompt(cls.problem), steps)
