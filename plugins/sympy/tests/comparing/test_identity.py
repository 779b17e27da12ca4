"""Equality of expressions: proofs, near misses, variables and domains."""

from __future__ import annotations

from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_sympy.comparing.identity import identical
from astro_sympy.reading.parser import parse
from astro_sympy.values.work import TooHard, Undefined, Work


def equal(left: str, right: str, seed: int = 7) -> bool:
    return identical(parse(left), parse(right), Work(seed))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (r"\frac{15\sqrt{7}}{14}", r"\frac{15}{2\sqrt{7}}"),
        (r"\sqrt{3+2\sqrt{2}}", r"1+\sqrt{2}"),
        (r"\sqrt[3]{2+\sqrt{5}} + \sqrt[3]{2-\sqrt{5}}", "1"),  # Cardano's formula
        (r"\cos 72^\circ", r"\frac{\sqrt{5}-1}{4}"),
        (r"\log_2 3 \cdot \log_3 4", "2"),
        (r"4\arctan\frac{1}{5} - \arctan\frac{1}{239}", r"\frac{\pi}{4}"),  # Machin's formula
        (r"e^{\ln 5}", "5"),
        (r"\frac{1}{1+i}", r"\frac{1-i}{2}"),
        ("2006!", r"2006 \cdot 2005!"),
        ("(x+1)^2", "x^2+2x+1"),
        ("(x+y+z+w)^{500}", "(w+x+y+z)^{500}"),
        (r"\tan^2 y + 1", r"\sec^2 y"),
        (r"\frac{x^2-1}{x-1}", "x+1"),
        (r"\ln(x^2)", r"2\ln x"),
        (r"\sqrt{a^2 b}", r"|a|\sqrt{b}"),
        (r"\sqrt{ab}", r"\sqrt{a}\sqrt{b}"),  # which has no real parts for negative a and b
        (r"\sqrt{1-x^2}", r"\cos(\arcsin x)"),
        (r"\binom{n}{2}", r"\frac{n(n-1)}{2}"),
        (r"\sum_{k=1}^{n} k", r"\frac{n(n+1)}{2}"),
        (r"\sum_{i=1}^{n} i", r"\frac{n(n+1)}{2}"),
        (r"\frac{n!}{(n-1)!}", "n"),
        (r"\frac{(2n)!}{2^n n!}", r"\prod_{k=1}^n (2k-1)"),
        (r"\binom{n}{k}", r"\frac{n!}{k!(n-k)!}"),
        (r"\frac{1+(-1)^n}{2}", r"\frac{1-(-1)^{n+1}}{2}"),
        ("(-1)^n", "(-1)^{-n}"),  # both are real at integers only
        ("2^{3x}", "8^x"),
        (r"e^{-|x|}", r"\min(e^x, e^{-x})"),
        (r"\lfloor 2x \rfloor", r"\lfloor x \rfloor + \lfloor x + \frac{1}{2} \rfloor"),
        (r"\lfloor x \rfloor", r"-\lceil -x \rceil"),
        ("x^2-1", r"x^2-1+0 \cdot y"),
    ],
)
def test_equal(left: str, right: str) -> None:
    assert equal(left, right)
    assert equal(right, left)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (r"\frac{1}{2004!}", r"\frac{1}{2006!}"),
        ("2^{99999999999}", "2^{99999999998}"),
        ("100000000!", "5"),
        (r"\sqrt{1+10^{-900}}", "1"),
        (r"e^{\pi\sqrt{163}}", "262537412640768744"),  # equal to 30 digits
        (r"\sqrt{2}+\sqrt{3}", r"\sqrt{9.8989794855}"),
        ("x^2", "x^3"),
        ("|x|", "x"),
        ("|xy|", "xy"),
        (r"\sqrt{x^2}", "-x"),
        (r"\sin x", "x"),
        ("a+b", "a-b"),
        ("(x-1)(x-2)(x-3)(x-4)(x-5)", "0"),
        # equal for positive numbers
        (r"\sqrt{x^2}", "x"),
        (r"\sqrt{a^2 b}", r"a\sqrt{b}"),
        ("e^{x}", "e^{|x|}"),
        ("x e^{-x^2}", "|x| e^{-x^2}"),
        # equal at integers
        (r"e^{-t}\cos(2\pi t)", r"e^{-t}\cos(4\pi t)"),
        (r"2^x \sin(\pi x)", "0"),
        (r"\lfloor x \rfloor", "x"),
        (r"\lfloor x \rfloor + 1", r"\lceil x \rceil"),
        ("1", r"e^{2\pi i x}"),
        (r"x! \sin(\pi x)", "0"),
        (r"\sum_{k=1}^{n} k", r"\frac{n(n+1)}{2} + \sin(\pi n)"),
        (r"\lceil \frac{n}{2} \rceil", r"\lfloor \frac{n+1}{2} \rfloor"),
        # equal at fractions with denominators up to 300
        ("e^x", r"e^x + \sin(300! \pi x)"),
        # equal but for a short interval, or a far one
        ("|x-3|+|x-5|", "|2x-8|"),
        ("0", r"\max(0, 0.001-|x-\sqrt{2}|)"),
        ("y", r"\max(y, 3) - \max(3, y + \max(0, 0.1-|x-9|)) + y"),
        ("|x-e^{5000y}|", r"|x-e^{5000y}| + x"),  # with places that no float holds
        (r"|\log_{-2}|x||", r"|\log_{-2}|x|| + 1"),
        ("x", r"\max(x, -1000000)"),
        (r"|\ln x - 30|", r"30 - \ln x"),
        (r"|\sin x - 0.999| + \sin x", "0.999"),
        (r"\lfloor x \rfloor + \lfloor x + 0.001 \rfloor", r"2\lfloor x \rfloor"),
        (r"\lfloor 10^{-9}x \rfloor", "0"),
        # nearly equal everywhere
        ("1", r"\tanh(1000+x^2)"),
        (r"\cos(10^{-20}x)", "1"),
        (r"e^{-x^2-10^5}", "0"),
    ],
)
def test_not_equal(left: str, right: str) -> None:
    assert not equal(left, right)
    assert not equal(right, left)


@pytest.mark.parametrize("text", ["1/0", r"\frac{x}{x-x}", r"\sqrt{-x^2-1}"])
def test_no_value_anywhere(text: str) -> None:
    with pytest.raises(Undefined):
        equal(text, "5")


def test_astronomic_numbers_that_may_be_equal_are_not_decided() -> None:
    with pytest.raises(TooHard):
        equal("3^{99999999999}", r"3 \cdot 3^{99999999998}")


@pytest.mark.parametrize(
    ("left", "right"),
    [("(-1)^n", r"\cos(n\pi)"), ("(-1)^{2x}", "1"), (r"e^x + \sin(5000! \pi x)", "e^x")],
)
def test_agreement_at_integers_or_none_proves_nothing(left: str, right: str) -> None:
    """The left side has no value that is both real and in reach where the right side has one."""
    with pytest.raises(Undefined):
        equal(left, right)


@settings(deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=2, max_size=5), st.integers(0, 2**64))
def test_a_polynomial_is_its_horner_form_and_not_its_neighbour(roots: list[int], seed: int) -> None:
    plain = "+".join(f"({c})x^{{{k}}}" for k, c in enumerate(roots))
    horner = "0"
    for coefficient in reversed(roots):
        horner = f"({horner})x+({coefficient})"
    assert equal(plain, horner, seed)
    assert not equal(plain, f"{horner}+x", seed)


def test_threads_do_not_disturb_one_another() -> None:
    verdicts: list[bool] = []

    def work() -> None:
        for _ in range(20):
            verdicts.append(equal(r"\sqrt{3+2\sqrt{2}}", r"1+\sqrt{2}"))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == [True] * 80
