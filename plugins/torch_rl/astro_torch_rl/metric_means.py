"""Means of metrics that are measured micro-batch by micro-batch."""

from __future__ import annotations

import math
from collections import defaultdict


class MetricMeans:
    """Accumulates sums of metrics and the counts to divide them by, such as tokens or updates."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._counts: defaultdict[str, float] = defaultdict(float)

    def add(self, name: str, total: float, count: float = 1.0) -> None:
        """Add the sum of a metric over `count` items."""
        self._sums[name] += total
        self._counts[name] += count

    def means(self) -> dict[str, float]:
        """Return the mean of each metric, except those that are not finite or have no items."""
        means = {name: self._sums[name] / count for name, count in self._counts.items() if count}
        return {name: mean for name, mean in means.items() if math.isfinite(mean)}
