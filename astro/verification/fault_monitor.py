"""Stops a run whose verifier fails too often, because its rewards are then meaningless."""

from __future__ import annotations

from collections import Counter, deque

from astro.errors import VerifierError
from astro.types import Verdict

_LATEST = 1000
_FEWEST = 100
_REASONS = 3
_REASON_CHARS = 120


class FaultMonitor:
    """Watches the share of faults among the latest 1,000 verdicts.

    The window makes a verifier that breaks late as noticeable as one that never worked. `note`
    raises once the share exceeds `max_faults`, a number in [0, 1]. Until there are 100 verdicts the
    share is taken of 100, so that a single early fault does not stop a run.
    """

    def __init__(self, max_faults: float) -> None:
        self._max_faults = max_faults
        self._latest: deque[Verdict] = deque()
        self._faults = 0

    def note(self, verdict: Verdict) -> None:
        """Count a verdict.

        Raises:
            VerifierError: The share of faults exceeds `max_faults`.
        """
        self._latest.append(verdict)
        self._faults += verdict.status.fault
        if len(self._latest) > _LATEST:
            self._faults -= self._latest.popleft().status.fault
        if self._faults > self._max_faults * max(len(self._latest), _FEWEST):
            raise self._error()

    def _error(self) -> VerifierError:
        faults = [verdict for verdict in self._latest if verdict.status.fault]
        classes = Counter(verdict.status.value for verdict in faults)
        counts = ", ".join(f"{count} {status}" for status, count in classes.most_common())
        reasons = list(dict.fromkeys(" ".join(v.reason.split())[:_REASON_CHARS] for v in faults))
        return VerifierError(
            f"{len(faults)} of the last {len(self._latest)} verdicts are faults ({counts}), more "
            f"than verifier.max_faults allows ({self._max_faults:g}): "
            + " | ".join(reasons[:_REASONS]),
            "fix the verifier or raise verifier.max_faults, then run the same command again: valid "
            "verdicts are kept, and faulty ones are verified again",
        )
