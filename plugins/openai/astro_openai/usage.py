"""Counters of requests and tokens, and their cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from astro_openai.answers import Usage
from astro_openai.params import Prices

_MILLION = 1e6
_NAMES = (
    "requests", "retries", "failures", "truncated_samples",
    "prompt_tokens", "cached_prompt_tokens", "generated_tokens",
)  # fmt: skip


class Meter:
    """Running totals of requests and tokens."""

    def __init__(self, prices: Prices | None) -> None:
        """Start at zero; with `prices`, the totals include the cost."""
        self._prices = prices
        self._counts = Counter(dict.fromkeys(_NAMES, 0))

    def count(self, **amounts: int) -> None:
        """Add amounts to totals by name."""
        self._counts.update(amounts)

    def add(self, usage: Usage | None) -> None:
        """Add the tokens of one response, if the server reports them."""
        if usage is None:
            return
        details = usage.prompt_tokens_details
        self.count(
            prompt_tokens=usage.prompt_tokens,
            cached_prompt_tokens=(details and details.cached_tokens) or 0,
            generated_tokens=usage.completion_tokens,
        )

    def totals(self) -> Mapping[str, float]:
        """Return the totals by name, with their `cost` if there are prices."""
        totals = {name: float(self._counts[name]) for name in _NAMES}
        return totals if self._prices is None else {**totals, "cost": _cost(totals, self._prices)}


def _cost(totals: Mapping[str, float], prices: Prices) -> float:
    cached = totals["cached_prompt_tokens"]
    cached_price = prices.prompt if prices.cached_prompt is None else prices.cached_prompt
    price = (
        (totals["prompt_tokens"] - cached) * prices.prompt
        + cached * cached_price
        + totals["generated_tokens"] * prices.generated
    )
    return price / _MILLION
