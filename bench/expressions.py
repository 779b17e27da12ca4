"""Random pairs of expressions in x and y that are equal, or that differ on an interval.

They contain floors, exponentials, absolute values and periodic factors. A different pair is made by
a change that cannot be seen at whole numbers, at positive numbers, or outside a short interval; an
equal pair by rules of algebra. Whether a changed expression differs is decided by values, since
|e^x| is e^x.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

Function = Callable[..., float]

# In the templates, V and W stand for the arguments, and N for a random whole number.


def _floor(value: float) -> int:
    """Round down; raises ValueError where rounding errors may decide."""
    if 0 < abs(value - round(value)) < 1e-9:
        raise ValueError(value)
    return math.floor(value)


_UNARY: list[tuple[str, str, Function]] = [
    (r"\left|V\right|", r"\sqrt{V^2}", abs),
    (r"\lfloor V \rfloor", r"(-\lceil -V \rceil)", _floor),
    (r"\lceil V \rceil", r"(1-\lfloor 1-V \rfloor)", lambda v: -_floor(-v)),
    ("e^{V}", r"e^{V/2} \cdot e^{V/2}", math.exp),
    ("2^{V}", "4^{V/2}", lambda v: 2.0**v),
    ("e^{-V^2}", r"\frac{1}{e^{V \cdot V}}", lambda v: math.exp(-v * v)),
    (
        r"\sin(\pi V)",
        r"2\sin(\frac{\pi V}{2})\cos(\frac{\pi V}{2})",
        lambda v: math.sin(math.pi * v),
    ),
    (r"\cos(2V)", r"(1-2\sin(V)^2)", lambda v: math.cos(2 * v)),
    (r"\sqrt{1+V^2}", r"\frac{1+V^2}{\sqrt{1+V^2}}", lambda v: math.sqrt(1 + v * v)),
    (r"\ln(1+\left|V\right|)", r"-\ln\frac{1}{1+\left|V\right|}", lambda v: math.log(1 + abs(v))),
    ("V^2", r"\left|V\right|^2", lambda v: v * v),
]
_BINARY: list[tuple[str, str, Function]] = [
    ("V+W", "W+V", lambda v, w: v + w),
    ("V-W", "-W+V", lambda v, w: v - w),
    (r"V \cdot W", r"W \cdot V", lambda v, w: v * w),
    (r"\max(V, W)", r"\frac{V+W+\left|V-W\right|}{2}", max),
]
_CHANGES: list[tuple[str, Function]] = [
    (r"\left|V\right|", lambda v, *_: abs(v)),
    (r"\sqrt{V^2}", lambda v, *_: abs(v)),
    (r"\lfloor V \rfloor", lambda v, *_: _floor(v)),
    (r"\lceil V \rceil", lambda v, *_: -_floor(-v)),
    (r"V+\sin(N\pi x)", lambda v, x, n: v + math.sin(n * math.pi * x)),
    (r"V \cdot \cos(2N\pi x)", lambda v, x, n: v * math.cos(2 * n * math.pi * x)),
    (r"V \cdot \frac{x}{|x|}", lambda v, x, _n: v * math.copysign(1, x)),
    (r"\max(V, -N)", lambda v, _x, n: max(v, -n)),
    (r"V+\max(0, \frac{1}{10}-|x-N|)", lambda v, x, n: v + max(0, 0.1 - abs(x - n))),
    (r"V+|x-N|+|x-N-1|-|2x-2N-1|", lambda v, x, n: v + max(0, 1 - 2 * abs(x - n - 0.5))),
]
_IDENTITIES = [
    "V+N-N",
    r"\frac{N \cdot V}{N}",
    r"\ln(e^{V})",
    r"\max(V, V-N)",
    r"V \cdot (\sin(Nx)^2+\cos(Nx)^2)",
    r"V \cdot \cos(2\pi \lfloor x \rfloor)",
    r"V+\lfloor x+N \rfloor-\lfloor x \rfloor-N",
    r"V \cdot e^{Nx} e^{-Nx}",
    r"\frac{V^2-N^2}{V-N}-N",
]


class Expression(NamedTuple):
    """LaTeX text in parentheses, and the value at x and y."""

    text: str
    at: Callable[[float, float], float]


_LEAVES = [
    Expression("x", lambda x, _: x),
    Expression("x", lambda x, _: x),
    Expression("y", lambda _, y: y),
    Expression(r"\frac{x}{2}", lambda x, _: x / 2),
    Expression("3", lambda *_: 3),
]


def different_pairs(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yield pairs whose values differ on an interval of real numbers."""
    random = Random(seed)
    while count:
        left, right = _pair(random, random.randint(1, 3), changed=True)
        if _differ(left, right, random):
            count -= 1
            yield left.text, right.text


def equal_pairs(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yield pairs that are equal wherever they have values."""
    random = Random(seed)
    for _ in range(count):
        left, right = _pair(random, random.randint(1, 3), changed=False)
        identity = random.choice(_IDENTITIES).replace("N", str(random.randint(2, 9)))
        yield left.text, _filled(identity, right.text)


def _pair(random: Random, depth: int, changed: bool) -> tuple[Expression, Expression]:
    """Return two expressions: alike but for one change, or equal and written otherwise."""
    if changed and (depth == 0 or random.random() < 0.3):
        left, _ = _pair(random, depth, changed=False)
        return left, _changed(left, random)
    if depth == 0:
        leaf = random.choice(_LEAVES)
        return leaf, leaf
    template, other, function = random.choice(_BINARY if random.random() < 0.4 else _UNARY)
    pairs = [_pair(random, depth - 1, changed)]
    if "W" in template:
        pairs.append(_pair(random, depth - 1, changed=False))
    if changed:
        pairs[1:] = [(mine, mine) for mine, _ in pairs[1:]]
    sides = list(zip(*pairs, strict=True))
    return (
        _applied(template, function, sides[0]),
        _applied(template if changed else random.choice([template, other]), function, sides[1]),
    )


def _applied(template: str, function: Function, arguments: tuple[Expression, ...]) -> Expression:
    text = _filled(template, *(argument.text for argument in arguments))
    return Expression(text, lambda x, y: function(*(each.at(x, y) for each in arguments)))


def _changed(inner: Expression, random: Random) -> Expression:
    (template, function), n = random.choice(_CHANGES), random.randint(2, 9)
    text = _filled(template.replace("N", str(n)), inner.text)
    return Expression(text, lambda x, y: function(inner.at(x, y), x, n))


def _filled(template: str, *texts: str) -> str:
    for name, text in zip("VW", texts, strict=False):
        template = template.replace(name, f"\\left({text}\\right)")
    return template


def _differ(left: Expression, right: Expression, random: Random) -> bool:
    """Whether the values differ at a point and beside it, well beyond rounding."""
    for scale in (10, 2, 40) * 100:
        x, y = random.uniform(-scale, scale), random.uniform(-scale, scale)
        try:
            if all(_apart(left.at(x + d, y), right.at(x + d, y)) for d in (0, 1e-7, -1e-7)):
                return True
        except (OverflowError, ValueError, ZeroDivisionError):
            continue
    return False


def _apart(one: float, other: float) -> bool:
    return abs(one - other) > 1e-6 * (1 + abs(one) + abs(other))
