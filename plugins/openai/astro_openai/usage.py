"""Counters of requests and tokens, and their cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from astro_openai.params import Prices

_MILLION = 1e6
_MOST = 2**53
_NAMES = (
    "requests", "retries", "failures", "truncated_samples", "empty_samples",
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

    def add(self, usage: object) -> None:
        """Add the tokens of one response, as far as the server reports them."""
        self.count(
            prompt_tokens=_tokens(usage, "prompt_tokens"),
            cached_prompt_tokens=_tokens(_field(usage, "prompt_tokens_details"), "cached_tokens"),
            generated_tokens=_tokens(usage, "completion_tokens"),
        )

    def totals(self) -> Mapping[str, float]:
        """Return the totals by name, with their `cost` if there are prices."""
        totals = {name: float(self._counts[name]) for name in _NAMES}
        return totals if self._prices is None else {**totals, "cost": _cost(totals, self._prices)}


def _field(body: object, name: str) -> object:
    return body.get(name) if isinstance(body, Mapping) else None


def _tokens(body: object, name: str) -> int:
    """Return a count of tokens, which is 0 if it is no number that can be one."""
    value = _field(body, name)
    return int(value) if isinstance(value, int | float) and 0 <= value < _MOST else 0


def _cost(totals: Mapping[str, float], prices: Prices) -> float:
    cached = totals["cached_prompt_tokens"]
    cached_price = prices.prompt if prices.cached_prompt is None else prices.cached_prompt
    price = (
        (totals["prompt_tokens"] - cached) * prices.prompt
        + cached * cached_price
        + totals["generated_tokens"] * prices.generated
    )
    return price / _MILLION
