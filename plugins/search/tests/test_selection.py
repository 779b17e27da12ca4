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
    assert puct(state_visits=16, c_puct=1.0)(0.5, 0.25, 3) == 0.75
    assert puct(state_visits=16, c_puct=2.0)(0.5, 0.25, 0) == 2.5


def test_uct_by_hand() -> None:
    score = uct(state_visits=100, c_p=sqrt(0.5))(0.5, 0.25, 10)
    assert score == pytest.approx(0.5 + sqrt(2 * log(100) / 10))
    assert score == pytest.approx(1.459706, abs=1e-6)
    assert uct(state_visits=100, c_p=1.0)(0.5, 0.25, 0) == inf
    assert uct(state_visits=0, c_p=1.0)(0.5, 0.25, 0) == inf


def test_the_params_name_the_rule() -> None:
    by_prior = rule(Puct(params=PuctParams(c_puct=2.0)))
    assert by_prior(16)(0.5, 0.25, 3) == puct(16, 2.0)(0.5, 0.25, 3)
    assert rule(Uct())(16)(0.5, 0.25, 3) == uct(16, sqrt(0.5))(0.5, 0.25, 3)


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
