"""Means of what is measured piece by piece."""

from __future__ import annotations

import math
from collections import defaultdict


class Tally:
    """Sums of figures, and of what each is a mean over: tokens, updates."""

    def __init__(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._counts: defaultdict[str, float] = defaultdict(float)

    def add(self, name: str, total: float, count: float = 1.0) -> None:
        self._sums[name] += total
        self._counts[name] += count

    def means(self) -> dict[str, float]:
        """Each figure's mean; what is not finite, or was never counted, is left out."""
        means = {name: self._sums[name] / count for name, count in self._counts.items() if count}
        return {name: mean for name, mean in means.items() if math.isfinite(mean)}
