"""What the core relies on in a verifier, as tests.

# tests/test_conformance.py
class TestChemistry(VerifierConformance):
    def verifier(self):
        return ChemistryVerifier(Params())

    def cases(self):
        return [Case(problem, right=("2 H2 + O2 -> 2 H2O",), wrong=("H2 + O2 -> H2O", ""))]
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from astro.interfaces import Verifier
from astro.types import Problem, Status, Verdict

HOSTILE = {
    "blank": " \n\t\n",
    "control characters": "\x00\x07\x1b[2J\x7f" * 100,
    "lone surrogate": "\ud800\\boxed{\udfff}",
    "nested brackets": "(" * 20_000,
    "nested boxes": "\\boxed{" * 10_000,
    "closing braces": "}" * 20_000,
    "tower of powers": "\\boxed{9**9**9**9}",
    "factorials": "\\boxed{99999!!!!}",
    "endless number": "\\boxed{" + "9" * 20_000 + "}",
    "division by zero": "\\boxed{1/0}",
    "code": "\\boxed{__import__('os')._exit(1)}",
    "full-width digits": "\\boxed{\uff11\uff12}",
    "backslashes": "\\" * 20_000,
    "one long line": "the answer is " * 5_000,
}
"""Texts that a model under training, or one that games its reward, may well write."""


@dataclass(frozen=True, slots=True)
class Case:
    """A problem, responses that answer it, and responses that do not."""

    problem: Problem
    right: tuple[str, ...]
    wrong: tuple[str, ...]


class VerifierConformance:
    """Subclass it, name the subclass `Test...`, and give `verifier` and `cases`."""

    seconds = 1.0
    """What one verdict may take; the pool of a run ends it after its own `timeout`."""

    def verifier(self) -> Verifier:
        """The verifier under test."""
        raise NotImplementedError

    def cases(self) -> Sequence[Case]:
        """At least one case."""
        raise NotImplementedError

    def test_right_responses_are_correct(self) -> None:
        for case in self.cases():
            for response in case.right:
                verdict = self._verdict(case.problem, response)
                assert verdict.correct, f"{response!r}: {verdict}"
                assert verdict.answer, f"{response!r}: a correct verdict must say which answer"

    def test_wrong_responses_are_not(self) -> None:
        for case in self.cases():
            for response in case.wrong:
                verdict = self._verdict(case.problem, response)
                assert not verdict.correct, f"{response!r}: {verdict}"

    def test_hostile_text_has_a_verdict_in_time(self) -> None:
        for case in self.cases():
            for name, response in HOSTILE.items():
                started = time.perf_counter()
                verdict = self._verdict(case.problem, response)
                assert time.perf_counter() - started <= self.seconds, f"{name}: too slow"
                assert not verdict.correct, f"{name}: {verdict}"

    def test_verdicts_do_not_depend_on_what_came_before(self) -> None:
        verifier = self.verifier()
        for case in self.cases():
            texts = [*case.right, *case.wrong, *HOSTILE.values()]
            forward = [verifier.verify(case.problem, text) for text in texts]
            backward = [verifier.verify(case.problem, text) for text in reversed(texts)]
            assert forward == backward[::-1]

    def test_a_problem_without_a_reference_gives_no_reward(self) -> None:
        for case in self.cases():
            bare = replace(case.problem, answer="", metadata={})
            for response in (*case.right, *case.wrong):
                verdict = self._verdict(bare, response)
                assert verdict.status is not Status.CORRECT, f"{response!r}: {verdict}"

    def _verdict(self, problem: Problem, response: str) -> Verdict:
        verdict = self.verifier().verify(problem, response)
        assert isinstance(verdict, Verdict), f"{response[:80]!r}: got {type(verdict).__name__}"
        return verdict
