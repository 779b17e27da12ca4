from __future__ import annotations

import pytest

from astro_openai.answers import PromptTokens, Usage
from astro_openai.params import Prices
from astro_openai.usage import Meter


def used(prices: Prices | None) -> Meter:
    meter = Meter(prices)
    meter.add(Usage(1000, 200, PromptTokens(400)))
    meter.add(Usage(500, 100))
    return meter


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
