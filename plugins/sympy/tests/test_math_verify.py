"""math-verify behind the same protocol, where it is installed."""

from __future__ import annotations

import threading

import pytest

from astro.plugins.registry import Registry
from astro.types import Problem, Status, Verdict

pytest.importorskip("math_verify", reason="needs pip install 'math-verify[antlr4_13_2]'")


def verdict(gold: str, response: str) -> Verdict:
    from astro_sympy.math_verify import MathVerifyVerifier

    return MathVerifyVerifier().verify(Problem("p", "", gold), response)


@pytest.mark.parametrize(
    ("gold", "response", "status"),
    [
        (r"\frac{1}{2}", r"So it is $\boxed{0.5}$.", Status.CORRECT),
        (r"\frac{1}{2}", "0.5", Status.CORRECT),
        ("7", "He has four.\nA: 7", Status.CORRECT),
        ("7", r"\boxed{8}", Status.INCORRECT),
        ("7", "", Status.UNPARSED),
        ("", r"\boxed{8}", Status.BAD_REFERENCE),
    ],
)
def test_verdicts(gold: str, response: str, status: Status) -> None:
    assert verdict(gold, response).status is status


def test_off_the_main_thread_too() -> None:
    found: list[Verdict] = []
    thread = threading.Thread(target=lambda: found.append(verdict("7", r"\boxed{7}")))
    thread.start()
    thread.join()
    assert found[0].correct


def test_is_found_by_name() -> None:
    assert not Registry.discover().find("verifier", "math-verify").missing
