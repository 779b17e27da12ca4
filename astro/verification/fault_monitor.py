"""The alarm: a run whose verifier has broken stops, for its rewards mean nothing."""

from __future__ import annotations

from collections import Counter, deque

from astro.errors import VerifierError
from astro.types import Verdict

_LATEST = 1000
_FEWEST = 100
_REASONS = 3
_REASON_CHARS = 120


class FaultMonitor:
    """Watches the latest 1,000 verdicts, so that a verifier that breaks late is noticed too.

    It goes off when more than `max_faults` of them are faults. Verdicts that are not there yet, up
    to 100, count as sound: one fault of one is no alarm.
    """

    def __init__(self, max_faults: float) -> None:
        self._max_faults = max_faults
        self._latest: deque[Verdict] = deque()
        self._faults = 0

    def note(self, verdict: Verdict) -> None:
        """Count a verdict. Raises `VerifierError` when it is one fault too many."""
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
            "mend what the verifier lacks, or raise verifier.max_faults, and run the same command "
            "again: what is sound is kept, what is at fault is judged anew",
        )
