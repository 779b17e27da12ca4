"""The verifier `sympy`: extract the answer, then compare it with the reference."""

from __future__ import annotations

from astro.types import Problem, Status, Verdict
from astro_sympy.comparing.compare import compare
from astro_sympy.params import SympyParams
from astro_sympy.reading.extract import extract, reference
from astro_sympy.reading.hedges import hedges
from astro_sympy.values.allowance import Allowance
from astro_sympy.values.symbolic import load


class SympyVerifier:
    """Calls a response correct if its answer equals the reference by the rules of docs/verifier.md.

    It never executes text of the response and uses no signals, so it works in any thread and
    process.
    """

    def __init__(self, params: SympyParams | None = None) -> None:
        """Use the defaults of `SympyParams` unless `params` are given."""
        self._params = params or SympyParams()

    def warm_up(self) -> None:
        """Import sympy, which takes about a second, before the first answer that needs it."""
        load()

    def verify(self, problem: Problem, response: str) -> Verdict:
        """Return a verdict on any text, in bounded time; never raises on the text."""
        gold = reference(problem.answer)
        if not gold:
            return Verdict(Status.BAD_REFERENCE, reason="the problem has no reference answer")
        found = extract(response, self._params)
        if found.answer is None:
            return Verdict(Status.UNPARSED, reason=found.reason)
        if open_words := hedges(found.answer) - hedges(gold):
            reason = f"no definite answer: it says {', '.join(sorted(open_words))}"
            return Verdict(Status.INCORRECT, found.answer, reason)
        allowance = Allowance()
        judgement = compare(gold, found.answer, self._params, allowance)
        if judgement.status is not Status.CORRECT and self._each_is_correct(
            gold, found.parts, allowance
        ):
            return Verdict(Status.CORRECT, found.answer, "each box holds the reference")
        return Verdict(judgement.status, found.answer, judgement.reason)

    def _each_is_correct(self, gold: str, parts: tuple[str, ...], allowance: Allowance) -> bool:
        """Whether several boxes give one answer in several forms, such as 1/2 and 0.5."""
        judged = (compare(gold, part, self._params, allowance).status for part in parts)
        return len(parts) > 1 and all(status is Status.CORRECT for status in judged)
