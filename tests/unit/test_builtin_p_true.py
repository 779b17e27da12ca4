"""The value that asks the policy: its arithmetic, its question, and a search by it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import astro
from astro.builtin.p_true import PTrue, PTrueParams
from astro.errors import ConfigError, PolicyError
from astro.plugins.binding import Binding
from astro.plugins.params import validate
from astro.requests import LogProb
from astro.types import Problem, State, Step

CONFIG = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
ROOT = State(Problem("p", "{solution}?", "1"))
STATES = [ROOT.then(Step("first\n")), ROOT.then(Step("second\n"))]


def estimate(replies: list[list[tuple[float, ...]]]) -> tuple[list[LogProb], list[float]]:
    program = PTrue(PTrueParams()).estimate(STATES, 0)
    asked = next(program)
    try:
        program.send(replies)
    except StopIteration as stop:
        return asked, stop.value  # type: ignore[return-value]
    raise AssertionError("asked twice")


def test_the_share_of_the_two_probabilities() -> None:
    likely = [(math.log(0.3),), (math.log(0.1),)]
    in_two_tokens = [(math.log(0.5), math.log(0.2)), (math.log(0.3),)]
    assert estimate([likely, in_two_tokens])[1] == pytest.approx([0.75, 0.25])


def test_only_the_difference_of_the_log_probabilities_matters() -> None:
    """1 / (1 + e^-1) and 1 / (1 + e^2)."""
    replies = [[(-1000.0,), (-1001.0,)], [(-5000.0,), (-4998.0,)]]
    assert estimate(replies)[1] == pytest.approx([0.7310585786, 0.1192029220])


def test_what_is_next_to_impossible_is_still_a_number() -> None:
    never = [(-math.inf,), (-1e9,)]
    assert estimate([[(0.0,), (-math.inf,)], never])[1] == pytest.approx([1.0, 0.5])
    assert estimate([[(-1e9,), (0.0,)]] * 2)[1] == pytest.approx([0.0, 0.0])
    with pytest.raises(PolicyError, match="not numbers"):
        estimate([[(0.0,), (math.nan,)]] * 2)


def test_the_question_holds_both_and_reads_neither_as_a_template() -> None:
    asked, _ = estimate([[(0.0,), (0.0,)]] * 2)
    assert asked[0].continuations == ("Yes", "No")
    assert "Problem:\n{solution}?\n" in asked[0].prompt.user
    assert "solution:\nsecond\n" in asked[1].prompt.user
    assert asked[0].prompt.response == ""


def test_params_are_checked() -> None:
    for bad in ({"question": "{problem}?"}, {"true": ""}):
        with pytest.raises(ConfigError):
            validate(PTrueParams, bad)


def test_a_search_by_it() -> None:
    """A model that knows countdown's words alone: is it to go on with a 3, or to wait?"""
    question = {"question": "{problem}\n{solution}", "true": "3", "false": "wait"}
    config = astro.load_config(CONFIG, ["search.params.iterations=4", "policy.params.processes=1"])
    config = config.model_copy(update={"value": Binding(name="p_true", params=question)})
    nodes = astro.solve(config, "use 3 5 8 to make 19").tree.nodes[1:]
    assert any(0.0 < node.value < 1.0 for node in nodes if not node.terminal)
    assert all(0.0 <= node.value <= 1.0 for node in nodes)
