"""The alarm, on sequences of verdicts counted by hand."""

from __future__ import annotations

import pytest

from astro.errors import VerifierError
from astro.types import Status, Verdict
from astro.verification.fault_monitor import FaultMonitor

SOUND = [Verdict(status) for status in (Status.CORRECT, Status.INCORRECT, Status.UNPARSED)]
FAULT = Verdict(Status.ERROR, None, "no\nlicence")


def noted(alarm: FaultMonitor, *verdicts: Verdict) -> None:
    for verdict in verdicts:
        alarm.note(verdict)


def test_few_faults_are_no_alarm_even_if_there_is_nothing_else() -> None:
    noted(FaultMonitor(0.2), *[FAULT] * 20)


def test_a_broken_verifier_is_noticed_at_once() -> None:
    alarm = FaultMonitor(0.2)
    noted(alarm, *[FAULT] * 20)
    with pytest.raises(VerifierError, match="21 of the last 21 verdicts are faults"):
        alarm.note(FAULT)


def test_the_share_is_of_what_was_seen() -> None:
    alarm = FaultMonitor(0.2)
    noted(alarm, *SOUND * 100, *[FAULT] * 75)
    with pytest.raises(VerifierError, match="76 of the last 376"):
        alarm.note(FAULT)


def test_a_verifier_that_breaks_late_is_noticed() -> None:
    alarm = FaultMonitor(0.2)
    noted(alarm, *SOUND * 10_000, *[FAULT] * 200)
    with pytest.raises(VerifierError, match="201 of the last 1000"):
        alarm.note(FAULT)


def test_old_faults_are_forgotten() -> None:
    alarm = FaultMonitor(0.2)
    for _ in range(10):
        noted(alarm, *[FAULT] * 20, *SOUND * 327)


@pytest.mark.parametrize("status", [s for s in Status if s.fault])
def test_no_fault_may_be_what_is_allowed(status: Status) -> None:
    with pytest.raises(VerifierError, match="allows \\(0\\)"):
        FaultMonitor(0.0).note(Verdict(status))


def test_an_alarm_may_be_off() -> None:
    noted(FaultMonitor(1.0), *[FAULT] * 2000)


def test_the_message_gives_counts_reasons_and_a_way_on() -> None:
    alarm = FaultMonitor(0.02)
    noted(alarm, FAULT, Verdict(Status.TIMEOUT, None, "over 1 s"))
    with pytest.raises(VerifierError) as caught:
        alarm.note(FAULT)
    assert "(2 error, 1 timeout)" in caught.value.message
    assert caught.value.message.endswith("(0.02): no licence | over 1 s")
    assert "run the same command again" in caught.value.hint
    assert "\n" not in str(caught.value)
