"""Comparison of an answer with the reference."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from astro.types import Status
from astro_sympy.comparing.closing import closed, is_open
from astro_sympy.comparing.labels import Contradiction, restates, without_subject
from astro_sympy.comparing.matching import same
from astro_sympy.comparing.quantities import Scope
from astro_sympy.comparing.words import same_words
from astro_sympy.params import SympyParams
from astro_sympy.reading.lexer import MAX_LENGTH, Unreadable
from astro_sympy.reading.parser import parse
from astro_sympy.reading.phrases import symbol_for
from astro_sympy.reading.unicode import to_latex
from astro_sympy.values.allowance import Allowance
from astro_sympy.values.nodes import Node, Symbol, variables
from astro_sympy.values.work import TooHard, Undefined, Work

_PLAIN = re.compile(r"\s*([+-]?)([0-9]{1,300})(?:\.([0-9]{0,300}))?\s*")
_FLOAT_PLACES = 5
_COMMA = re.compile(r"\s*-?\d+,\d+\s*")


@dataclass(frozen=True, slots=True)
class Judgement:
    """The status of a verdict, and the reason."""

    status: Status
    reason: str


def compare(
    gold: str, answer: str, params: SympyParams, allowance: Allowance | None = None
) -> Judgement:
    """Compare an answer with the reference. Never raises on any text, and its cost is bounded.

    Several comparisons for one verdict share an `allowance`.
    """
    if _COMMA.fullmatch(answer) and "." in gold:
        answer = answer.replace(",", ".")
    plain = _plain(gold)
    other = _plain(answer) if plain else None
    if plain and other and (plain == other or not _may_round(plain, other)):
        return _verdict(plain == other, "the same number")
    words = same_words(gold, answer) if params.words else None
    if words is not None:
        return _verdict(words, "the same words")
    return _compare_mathematics(gold, answer, params, allowance or Allowance())


class _Plain(NamedTuple):
    """A number's sign, integer part and decimals, without insignificant zeros."""

    negative: bool
    whole: str
    places: str


def _plain(text: str) -> _Plain | None:
    match = _PLAIN.fullmatch(text)
    if match is None:
        return None
    whole, places = match[2].lstrip("0"), (match[3] or "").rstrip("0")
    return _Plain(match[1] == "-" and bool(whole or places), whole, places)


def _may_round(gold: _Plain, answer: _Plain) -> bool:
    """Whether one may be the other one rounded, so that comparing digits is not enough."""
    return len(answer.places) > (len(gold.places) or _FLOAT_PLACES)


def _compare_mathematics(
    gold: str, answer: str, params: SympyParams, allowance: Allowance
) -> Judgement:
    reference = _read(gold)
    if isinstance(reference, str):
        return Judgement(Status.BAD_REFERENCE, f"the reference cannot be read: {reference}")
    given = reference if answer == gold else _read(answer)
    if isinstance(given, str):
        return Judgement(Status.UNPARSED, given)
    if params.solved and restates(given, reference):
        return Judgement(Status.INCORRECT, "it states a condition instead of what satisfies it")
    if not variables(reference):
        given = without_subject(given)
    seed = _seed(gold, answer)
    judgement = _judge(reference, given, Scope(params, Work(seed, allowance=allowance)))
    if judgement.status is Status.CORRECT or not (is_open(reference) or is_open(given)):
        return judgement
    reference, given = (
        closed(side, Work(seed, allowance=allowance)) for side in (reference, given)
    )
    return _judge(reference, given, Scope(params, Work(seed, allowance=allowance)))


def _judge(reference: Node, given: Node, scope: Scope) -> Judgement:
    try:
        return _verdict(same(reference, given, scope), "the same value")
    except (Undefined, TooHard, Contradiction) as error:
        again = Scope(scope.params, Work(scope.work.seed, allowance=scope.work.allowance))
        fault = _fault(reference, again)
        return Judgement(Status.BAD_REFERENCE if fault else Status.INCORRECT, fault or str(error))


def _fault(reference: Node, scope: Scope) -> str:
    """Return what is wrong with a reference, such as `1/0` or `0 = 7`; empty if nothing is."""
    try:
        same(reference, reference, scope)
    except (Undefined, Contradiction) as error:
        return f"the reference {error}"
    except TooHard:
        pass
    return ""


def _verdict(correct: bool, how: str) -> Judgement:
    return Judgement(Status.CORRECT, how) if correct else Judgement(Status.INCORRECT, "differs")


def _read(text: str) -> Node | str:
    """Return the tree of a text, or the reason why there is none."""
    if len(text) > MAX_LENGTH:
        return f"longer than {MAX_LENGTH} characters"
    if name := symbol_for(text.strip()):
        return Symbol(name)
    try:
        return parse(to_latex(text))
    except Unreadable as error:
        return str(error)


def _seed(gold: str, answer: str) -> int:
    """Return a seed that depends on both texts, so that no answer can be made to fit the points."""
    text = "\0".join(sorted((gold, answer))).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")
