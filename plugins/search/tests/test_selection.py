from __future__ import annotations

from math import inf, log, sqrt

import pytest

from astro.errors import ConfigError
from astro.plugins.binding import Binding
from astro.plugins.params import validate
from astro.plugins.registry import Registry
from astro_search.mcts import Mcts
from astro_search.params import MctsParams, Puct, PuctParams, Uct
from astro_search.selection import puct, rule, uct


def test_puct_by_hand() -> None:
    assert puct(q=0.5, prior=0.25, parent_visits=16, visits=3, c_puct=1.0) == 0.75
    assert puct(q=0.5, prior=0.25, parent_visits=16, visits=0, c_puct=2.0) == 2.5


def test_uct_by_hand() -> None:
    score = uct(q=0.5, parent_visits=100, visits=10, c_p=sqrt(0.5))
    assert score == pytest.approx(0.5 + sqrt(2 * log(100) / 10))
    assert score == pytest.approx(1.459706, abs=1e-6)
    assert uct(q=0.5, parent_visits=100, visits=0, c_p=1.0) == inf


def test_the_params_name_the_rule() -> None:
    by_prior = rule(Puct(params=PuctParams(c_puct=2.0)))
    assert by_prior(0.5, 0.25, 16, 3) == puct(0.5, 0.25, 16, 3, 2.0)
    assert rule(Uct())(0.5, 0.25, 16, 3) == uct(0.5, 16, 3, sqrt(0.5))


def test_selection_is_chosen_by_name() -> None:
    params = validate(MctsParams, {"selection": {"name": "uct", "params": {"c_p": 0.1}}})
    assert isinstance(params.selection, Uct)
    assert params.selection.params.c_p == 0.1
    assert validate(MctsParams, {}).selection == Puct()


@pytest.mark.parametrize(
    "selection", [{"name": "ucb"}, {"name": "puct", "params": {"c_p": 1}}, {"name": "uct", "c": 1}]
)
def test_unknown_rules_and_keys_are_errors(selection: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"selection"):
        validate(MctsParams, {"selection": selection})


def test_the_registry_builds_it() -> None:
    binding = Binding(name="mcts", params={"expand": 4})
    search = Registry.discover().build("search", binding, value=None, step_format=None)
    assert isinstance(search, Mcts)
    assert search.params.expand == 4
