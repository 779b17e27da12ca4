from __future__ import annotations

import pytest

from astro_openai.params import Prices
from astro_openai.usage import Meter


def used(prices: Prices | None) -> Meter:
    meter = Meter(prices)
    cached = {"cached_tokens": 400}
    meter.add({"prompt_tokens": 1000, "completion_tokens": 200, "prompt_tokens_details": cached})
    meter.add({"prompt_tokens": 500, "completion_tokens": 100})
    return meter


@pytest.mark.parametrize("odd", [None, 5.5, -3, "7", [1], float("nan"), 10**400])
def test_an_odd_count_is_a_number_or_nothing(odd: object) -> None:
    meter = Meter(None)
    for usage in (odd, {"prompt_tokens": odd}, {"prompt_tokens_details": {"cached_tokens": odd}}):
        meter.add(usage)
    assert meter.totals()["prompt_tokens"] == (5 if odd == 5.5 else 0)


def test_tokens_add_up() -> None:
    totals = used(None).totals()
    assert totals["prompt_tokens"] == 1500
    assert totals["cached_prompt_tokens"] == 400
    assert totals["generated_tokens"] == 300
    assert totals["retries"] == 0
    assert "cost" not in totals


@pytest.mark.parametrize(
    ("cached", "cost"),
    [(None, 1500 * 2 + 300 * 10), (0.5, 1100 * 2 + 400 * 0.5 + 300 * 10), (0.0, 1100 * 2 + 3000)],
)
def test_cost(cached: float | None, cost: float) -> None:
    prices = Prices(prompt=2, generated=10, cached_prompt=cached)
    assert used(prices).totals()["cost"] == pytest.approx(cost / 1e6)
