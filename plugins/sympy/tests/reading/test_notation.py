"""Notation that reads as more than it says: powers of ten, decimal commas, bases, subscripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from astro.types import Verdict

Judge = Callable[..., Verdict]

SAME = [
    ("0.00001", "1e-05"),
    ("1e-05", "0.00001"),
    ("1E-5", r"1 \times 10^{-5}"),
    ("7e-10", r"7 \cdot 10^{-10}"),
    ("3e+2", "300"),
    (str(5e-324), r"5\times 10^{-324}"),
    ("e-5", "e - 5"),
    ("e^2-2e-1", "-1 - 2e + e^2"),
    ("0.125", "0{,}125"),
    ("0.5", "0{,}5"),
    ("3.14", "3{,}14"),
    ("1234.5", "1{,}234.5"),
    ("(0,500)", "(0, 500)"),
    ("AB_{16}", r"\text{AB}_{16}"),
    ("AB_{16}", "(AB)_{16}"),
    ("1C_{13}", r"\mathrm{1C}_{13}"),
    ("52_8", r"52_{\text{eight}}"),
    ("52_8", r"52_\text{eight}"),
    ("52_8", r"52\text{ in base }8"),
    ("52_8", r"52\text{ (base eight)}"),
    ("x_1", "{x}_1"),
    ("x_1^2", "x^2_1"),
    ("v_0^n", "v^n_0"),
    ("x_1'", "x'_1"),
    (r"\frac{\rho_1}{\rho_2}{g}_{k}", r"g_k \frac{\rho_{1}}{\rho_{2}}"),
    ("x_1^2+x_2^2", "{x}^{2}_{1}+{x}^{2}_{2}"),
]
DIFFERENT = [
    ("1e-05", "e-5"),
    ("e-5", "1e-5"),
    ("1e5", "e^5"),
    ("2e+1", "2e + 1"),
    ("500", "0{,}500"),
    ("125", "0{,}125"),
    ("5", "0{,}005"),
    ("500", "0,500"),
    ("AB_{16}", r"\text{BA}_{16}"),
    ("AB_{16}", "171"),
    ("52_8", r"52_{\text{seven}}"),
    ("52_8", r"52\text{ in base }9"),
    ("x_1", "{x}_2"),
    ("x_1^2", "x^2_2"),
    ("x_1^2", "x^1_2"),
]


@pytest.mark.parametrize(("gold", "answer"), SAME)
def test_the_same(judge: Judge, gold: str, answer: str) -> None:
    assert judge(gold, rf"\boxed{{{answer}}}").correct
    assert judge(answer, rf"\boxed{{{gold}}}").correct


@pytest.mark.parametrize(("gold", "answer"), DIFFERENT)
def test_different(judge: Judge, gold: str, answer: str) -> None:
    assert not judge(gold, rf"\boxed{{{answer}}}").correct
    assert not judge(answer, rf"\boxed{{{gold}}}").correct
