"""The verifier: find the answer, then compare it with the reference."""

from __future__ import annotations

from astro.types import Problem, Status, Verdict
from astro_sympy.comparing.compare import compare
from astro_sympy.params import Params
from astro_sympy.reading.extract import extract, reference
from astro_sympy.reading.hedges import hedges
from astro_sympy.values.allowance import Allowance
from astro_sympy.values.symbolic import load


class SympyVerifier:
    """Correct means: the response's answer equals the reference, by the rules of docs/verifier.md.

    Runs no code of the response, and needs no signals: any thread and any process will do.
    """

    def __init__(self, params: Params | None = None) -> None:
        self._params = params or Params()

    def warm_up(self) -> None:
        """Import sympy, the last resort: a second that the first hard answer would have to wait."""
        load()

    def verify(self, problem: Problem, response: str) -> Verdict:
        """Total: any text has a verdict, in bounded time."""
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
        if judgement.status is not Status.CORRECT and self._says_so_in_each(
            gold, found.parts, allowance
        ):
            return Verdict(Status.CORRECT, found.answer, "the same in each box")
        return Verdict(judgement.status, found.answer, judgement.reason)

    def _says_so_in_each(self, gold: str, parts: tuple[str, ...], allowance: Allowance) -> bool:
        """Whether several boxes give one answer in several forms, such as 1/2 and 0.5."""
        judged = (compare(gold, part, self._params, allowance).status for part in parts)
        return len(parts) > 1 and all(status is Status.CORRECT for status in judged)
