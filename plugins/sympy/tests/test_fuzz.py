"""Generated answers: no crash, no hang, the same verdict both ways round, and the right one.

Minutes here, as long as `ASTRO_FUZZ_SECONDS` says in the slow tier; `make fuzz` takes an hour.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, seed, settings
from hypothesis import strategies as st

from astro.types import Problem, Status
from astro_sympy.comparing.compare import compare
from astro_sympy.params import SympyParams
from astro_sympy.verifier import SympyVerifier

SECONDS = 0.8
"""CPU seconds that a verdict may take."""

FUZZ_SECONDS = float(os.environ.get("ASTRO_FUZZ_SECONDS", "120"))
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
PARAMS, VERIFIER = SympyParams(solved=False), SympyVerifier()  # symmetric

SOUP = r"""\boxed{ \frac{ \sqrt{ \sqrt[3]{ \left( \right) \text{ \begin{pmatrix} \end{pmatrix} \\
& { } [ ] 0 1 7 12 007 3.5 .5 1e9 9^9^9 x y e i \pi \infty \pm ^ _ + - * / ! = < > \le \neq , ; : %
$ \% \$ ^\circ \circ \cup \cap \in \{ \} | \sum_{k=1}^ \int_0^ \binom{ \log_2 \sin \cos^{-1} \mod
</think> <think> answer is #### A: or and not \, \! \quad \cdot \times cm km/h p.m."""
UNICODE = "\u00bd\u221a\u03c0\u00b2\u00d7\u2212\u222a\u0663\uff15\u200b\ud800\x00\n "
ANSWERS = [
    r"\frac{3}{4}",
    "-2.50",
    r"x = \frac{-3 \pm \sqrt{17}}{4}",
    r"(-\infty, 3] \cup (5, 8)",
    r"\{1, 2, 3\}",
    "(2, -1, 7)",
    r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
    r"2 < x \le 7",
    r"y = 3x^2 - 2x + 1",
    r"\text{Evelyn}",
    r"12\text{ cm}^2",
    r"\$1{,}234.50",
    r"45^\circ",
    "37.5\\%",
    "4:30 p.m.",
    r"1011_2",
    r"3 + 4i",
    r"\log_2 5 + \sin \frac{\pi}{7}",
    r"\binom{7}{3} \cdot 5!",
    r"n \equiv 3 \pmod{7}",
    r"2^{100} - 1",
    "(B)",
    "3:5",
    r"f(x) = e^{2x}\ln x",
    r"7\frac{1}{2}",
]

pieces = st.sampled_from([*SOUP.split(), *UNICODE])
soups = st.lists(pieces | st.text(max_size=4), max_size=25).map(" ".join)
rngs = st.randoms(use_true_random=False)


@st.composite
def mutants(draw: st.DrawFn) -> str:
    """A real-looking answer after a few slips of the pen."""
    text = draw(st.sampled_from(ANSWERS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        piece = draw(st.just("") | pieces)
        text = text[:at] + piece + text[at + draw(st.integers(0, 2)) :]
    return text


Tree = tuple[Any, ...]
leaves = (
    st.integers(-12, 40).map(lambda n: ("n", n))
    | st.sampled_from([("v", "x"), ("v", "y"), ("v", r"\pi")])
    | st.integers(2, 30).map(lambda n: ("sqrt", n))
)
trees = st.recursive(
    leaves,
    lambda below: (
        st.tuples(st.sampled_from("+-*/"), below, below)
        | st.tuples(st.just("^"), below, st.integers(2, 3))
    ),
    max_leaves=6,
)


def render(tree: Tree, rng: random.Random) -> str:
    """One of the many ways to write `tree`."""
    match tree:
        case ("n", n):
            return rng.choice([f"{n}" if n >= 0 else f"({n})", rf"\frac{{{3 * n}}}{{3}}"])
        case ("v", name):
            return str(name)
        case ("sqrt", n):
            return rng.choice(
                [rf"\sqrt{{{n}}}", f"{n}^{{1/2}}", rf"\frac{{\sqrt{{{4 * n}}}}}{{2}}"]
            )
        case ("^", base, n):
            inner = render(base, rng)
            return rng.choice([f"({inner})^{n}", rf"\left({inner}\right)^{{{n}}}"])
        case (operator, left, right):
            return _render(operator, f"({render(left, rng)})", f"({render(right, rng)})", rng)
    raise AssertionError(tree)


def _render(operator: str, left: str, right: str, rng: random.Random) -> str:
    if operator in "+*" and rng.random() < 0.5:
        left, right = right, left
    ways = {
        "+": [f"{left} + {right}", f"{left} - (-{right})"],
        "-": [f"{left} - {right}", f"-{right} + {left}"],
        "*": [f"{left}{right}", rf"{left} \cdot {right}", rf"{left} \times {right}"],
        "/": [rf"\frac{{{left}}}{{{right}}}", f"{left}/{right}"],
    }
    return rng.choice(ways[operator])


def value(tree: Tree, point: dict[str, Decimal]) -> Decimal:
    """What `tree` comes to at `point`, to 60 digits. Raises `ZeroDivisionError`."""
    match tree:
        case ("n", n):
            return Decimal(n)
        case ("v", name):
            return point[str(name)]
        case ("sqrt", n):
            return Decimal(n).sqrt()
        case ("^", base, n):
            return value(base, point) ** int(n)
        case (operator, left, right):
            a, b = value(left, point), value(right, point)
            if operator == "/":
                if abs(b) < Decimal("1e-40"):
                    raise ZeroDivisionError
                return a / b
            return {"+": a + b, "-": a - b, "*": a * b}[operator]
    raise AssertionError(tree)


def changed(tree: Tree, rng: random.Random) -> Tree:
    """`tree` with one of its numbers another."""
    match tree:
        case ("n" | "sqrt" as kind, n):
            return (kind, n + rng.choice([1, 2, 10]))
        case ("v", name):
            return ("v", {"x": "y", "y": "x", r"\pi": "x"}[name])
        case ("^", base, n):
            return ("^", changed(base, rng), n)
        case (operator, left, right):
            if rng.random() < 0.5:
                return (operator, changed(left, rng), right)
            return (operator, left, changed(right, rng))
    raise AssertionError(tree)


def differ(one: Tree, other: Tree) -> bool:
    """Whether two trees differ, well beyond rounding, at one of two points."""
    with localcontext(prec=60):
        for x, y in (("1.37", "0.59"), ("2.11", "3.83")):
            point = {"x": Decimal(x), "y": Decimal(y), r"\pi": PI}
            a, b = value(one, point), value(other, point)
            if abs(a - b) > Decimal("1e-9") * (1 + abs(a) + abs(b)):
                return True
    return False


def check_any_text(left: str, right: str) -> None:
    """A verdict in time, fit to be kept, and the same both ways round."""
    began = time.process_time()
    verdict = VERIFIER.verify(Problem("p", "", left), f"So it is \\boxed{{{right}}}.")
    forward, backward = compare(left, right, PARAMS), compare(right, left, PARAMS)
    assert time.process_time() - began < 3 * SECONDS
    assert verdict.status not in (Status.ERROR, Status.TIMEOUT)
    f"{verdict.answer}{verdict.reason}".encode()
    if "." not in left + right:  # a decimal may be the other, rounded
        assert (forward.status is Status.CORRECT) == (backward.status is Status.CORRECT)


def check_same(tree: Tree, rng: random.Random) -> None:
    """Two ways to write one value are the same answer."""
    try:
        differ(tree, tree)
    except ZeroDivisionError:
        assume(False)
    left, right = render(tree, rng), render(tree, rng)
    assert compare(left, left, PARAMS).status is Status.CORRECT, left
    assert compare(left, right, PARAMS).status is Status.CORRECT, (left, right)


def check_different(tree: Tree, rng: random.Random) -> None:
    """Another value is another answer."""
    other = changed(tree, rng)
    try:
        assume(differ(tree, other))
    except ZeroDivisionError:
        assume(False)
    left, right = render(tree, rng), render(other, rng)
    assert compare(left, right, PARAMS).status is not Status.CORRECT, (left, right)


CHECKS: dict[str, tuple[Callable[..., None], list[st.SearchStrategy[Any]]]] = {
    "soup": (check_any_text, [soups, soups]),
    "soup for an answer": (check_any_text, [st.sampled_from(ANSWERS), soups]),
    "mutants": (check_any_text, [mutants(), mutants()]),
    "a mutant for its answer": (check_any_text, [st.sampled_from(ANSWERS), mutants()]),
    "same": (check_same, [trees, rngs]),
    "different": (check_different, [trees, rngs]),
}


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    VERIFIER.warm_up()


def run(name: str, examples: int, number: int) -> None:
    """`examples` of a check, those that belong to seed `number`."""
    check, inputs = CHECKS[name]
    bounds = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    seed(number)(bounds(given(*inputs)(check)))()


@pytest.mark.parametrize("name", CHECKS)
def test_a_few(name: str) -> None:
    run(name, examples=150, number=0)


@pytest.mark.slow
@pytest.mark.timeout(FUZZ_SECONDS + 120)
@pytest.mark.parametrize("name", CHECKS)
def test_for_a_long_time(name: str) -> None:
    end = time.monotonic() + FUZZ_SECONDS / len(CHECKS)
    number = 0
    while time.monotonic() < end:
        number += 1
        run(name, examples=500, number=number)


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_is_its_own(answer: str) -> None:
    assert compare(answer, answer, PARAMS).status is Status.CORRECT
