r"""The conformance kit for verifiers.

# tests/test_conformance.py
class TestChemistry(VerifierConformance):
    name = "chemistry"

    def cases(self):
        return [Case(problem, right=(r"\boxed{2 H2 + O2 -> 2 H2O}",), wrong=(r"\boxed{O2}", ""))]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from astro.interfaces import Verifier
from astro.plugins.binding import VerifierBinding
from astro.requests import Verify
from astro.testing.descriptions import undocumented
from astro.testing.hostile import hostile
from astro.testing.plugins import PluginConformance
from astro.testing.threads import Job, in_threads
from astro.types import Problem, Status, Verdict
from astro.verification.pool import VerifierPool

_NOT_RIGHT = {Status.INCORRECT, Status.UNPARSED}
_PATIENCE = 20.0
_BUSY = 5.0


@dataclass(frozen=True, slots=True)
class Case:
    """A problem, responses that answer it correctly, and responses that do not."""

    problem: Problem
    right: tuple[str, ...]
    wrong: tuple[str, ...]


class VerifierConformance(PluginConformance):
    """Subclass it, name the subclass `Test...`, and set `name`, `params` and `cases`."""

    kind = "verifier"
    seconds = 1.0
    """CPU seconds that one verdict may take. In a run, the pool enforces its own `timeout`."""

    def cases(self) -> Sequence[Case]:
        """At least one case. The ids of the problems have to differ."""
        raise NotImplementedError

    def stated(self, problem: Problem) -> str:
        """A response that states the reference answer of the problem."""
        return f"So it is \\boxed{{{problem.answer}}}."

    def test_every_param_has_a_description(self) -> None:
        found = undocumented(self._entry())
        assert not found, f"params without a description: {', '.join(found)}"

    def test_right_responses_are_correct(self) -> None:
        verifier = self._build()
        for problem, response in self._right():
            verdict = _verdict(verifier, problem, response)
            assert verdict.correct, f"{response!r}: {verdict}"
            assert verdict.answer, f"{response!r}: a correct verdict has to give the answer"

    def test_a_reference_passes_itself(self) -> None:
        verifier = self._build()
        for case in self.cases():
            verdict = _verdict(verifier, case.problem, self.stated(case.problem))
            assert verdict.correct, f"{self.stated(case.problem)!r}: {verdict}"

    def test_wrong_responses_are_refused_without_a_fault(self) -> None:
        verifier = self._build()
        for problem, response in self._wrong():
            verdict = _verdict(verifier, problem, response)
            assert verdict.status in _NOT_RIGHT, f"{response!r}: {verdict}"

    def test_a_problem_without_a_reference_gives_no_reward(self) -> None:
        verifier = self._build()
        for problem, response in self._right():
            bare = replace(problem, answer="", metadata={})
            verdict = _verdict(verifier, bare, response)
            assert verdict.status is Status.BAD_REFERENCE, f"{response!r}: {verdict}"

    def test_hostile_text_has_a_verdict_in_time(self, tmp_path: Path) -> None:
        for response, verdict in self._judged_in_time(self._hostile(tmp_path / "canary")):
            assert verdict.status in _NOT_RIGHT, f"{response!r:.80}: {verdict!r:.300}"
        assert not (tmp_path / "canary").exists(), "a response was run as code"

    def test_a_hostile_reference_gives_no_reward(self, tmp_path: Path) -> None:
        jobs = [
            (Problem("hostile", problem.prompt, text), right)
            for problem, right in self._right()
            for text in hostile(tmp_path / "canary").values()
        ]
        for (problem, _), (response, verdict) in zip(jobs, self._judged_in_time(jobs), strict=True):
            assert not verdict.correct, f"{response!r:.80} for {problem.answer!r:.80}: {verdict}"
        assert not (tmp_path / "canary").exists(), "a reference was run as code"

    def test_verdicts_do_not_depend_on_order_thread_or_instance(self, tmp_path: Path) -> None:
        jobs = self._jobs(tmp_path)
        verifier = self._build()
        threads = in_threads(verifier, jobs, threads=4, patience=_PATIENCE)
        other = self._build()
        backward = [_verdict(other, *job) for job in reversed(jobs)][::-1]
        for verdicts in threads:
            found = _differences(jobs, [timed.verdict for timed in verdicts], backward)
            assert not found, f"verdicts depend on order, thread or instance: {'; '.join(found)}"

    def test_the_pool_of_processes_gives_the_same_verdicts(self, tmp_path: Path) -> None:
        jobs = self._jobs(tmp_path)
        pooled = _pooled(self._pool_binding(), jobs)
        verifier = self._build()
        found = _differences(jobs, pooled, [_verdict(verifier, *job) for job in jobs])
        assert not found, f"the pool gives other verdicts: {'; '.join(found)}"

    def _right(self) -> list[Job]:
        return [(case.problem, text) for case in self.cases() for text in case.right]

    def _wrong(self) -> list[Job]:
        return [(case.problem, text) for case in self.cases() for text in case.wrong]

    def _hostile(self, canary: Path) -> list[Job]:
        return [(case.problem, text) for case in self.cases() for text in hostile(canary).values()]

    def _jobs(self, folder: Path) -> list[Job]:
        return [*self._right(), *self._wrong(), *self._hostile(folder / "canary")]

    def _judged_in_time(self, jobs: Sequence[Job]) -> Iterator[tuple[str, Verdict]]:
        (verdicts,) = in_threads(self._build(), jobs, threads=1, patience=_PATIENCE)
        for (_, response), timed in zip(jobs, verdicts, strict=True):
            late = f"{response!r:.80} took {timed.seconds:.2f} s"
            assert timed.seconds <= self.seconds, late
            yield response, _checked(timed.verdict, response)

    def _pool_binding(self) -> VerifierBinding:
        binding = self._binding()
        return VerifierBinding(
            name=binding.name, params=binding.params, timeout=self.seconds * _BUSY
        )


def _verdict(verifier: Verifier, problem: Problem, response: str) -> Verdict:
    return _checked(verifier.verify(problem, response), response)


def _checked(verdict: Verdict, response: str) -> Verdict:
    """The verdict, checked to survive the journal unchanged."""
    assert isinstance(verdict, Verdict), f"{response!r:.80}: got {type(verdict).__name__}"
    try:
        kept = msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict)
    except (TypeError, ValueError) as error:
        raise AssertionError(f"{response!r:.80}: {verdict!r:.200} as JSON: {error}") from None
    assert kept == verdict, f"{response!r:.80}: {verdict!r:.200} is {kept!r:.200} as JSON"
    return verdict


def _pooled(binding: VerifierBinding, jobs: Sequence[Job]) -> list[Verdict]:
    found: dict[int, Verdict] = {}
    with VerifierPool(binding) as pool:
        for ticket, (problem, response) in enumerate(jobs):
            pool.add(ticket, Verify(problem, response))
        while len(found) < len(jobs):
            found.update(pool.step(block=True))
    return [found[ticket] for ticket in range(len(jobs))]


def _differences(
    jobs: Sequence[Job], one: Sequence[Verdict], other: Sequence[Verdict]
) -> list[str]:
    return [
        f"{response!r:.80}: {a!r:.200} or {b!r:.200}"
        for (_, response), a, b in zip(jobs, one, other, strict=True)
        if a != b
    ]
