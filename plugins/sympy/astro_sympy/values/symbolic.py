"""The last resort, sympy: closed forms of sums, integrals, limits and derivatives, and proofs that
a difference is zero.

Expressions are built node by node, within the bounds of `bounds`, under an `Allowance`. sympy is
imported when it is first asked.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from threading import Lock
from types import ModuleType
from typing import Any

from astro_sympy.values.allowance import Allowance, Spent, metered
from astro_sympy.values.bounds import check_size
from astro_sympy.values.nodes import Node
from astro_sympy.values.work import TooHard, Undefined

_ONE_AT_A_TIME = Lock()  # mpmath's precision, which sympy sets, belongs to the process


@cache
def load() -> ModuleType:
    """What imports sympy, once its tables are made. Takes a second, and no allowance."""
    from astro_sympy.values import computing

    computing.make_tables()
    return computing


def closed_form(node: Node, allowance: Allowance) -> Node:
    """The value of a sum, integral, limit or derivative. Raises `TooHard`, `Undefined`."""
    check_size(node)
    found: Node = _asked(lambda computing: computing.closed_form(node), allowance)
    return found


def vanishes(difference: Node, allowance: Allowance) -> bool:
    """Whether sympy finds that the expression is zero for all real values of its variables."""
    try:
        check_size(difference)
        return bool(_asked(lambda computing: computing.is_zero(difference), allowance))
    except (TooHard, Undefined):
        return False


def _asked(question: Callable[[ModuleType], Any], allowance: Allowance) -> Any:
    """What sympy answers, from the same state each time, so that the order of questions is none."""
    with _ONE_AT_A_TIME:
        computing = load()
        with computing.clean_state():
            try:
                return metered(lambda: question(computing), allowance, computing.guards())
            except Spent:
                raise TooHard("not decided within the bounds") from None
            except (TooHard, Undefined, MemoryError):
                raise
            except Exception as error:  # whatever a library makes of untrusted text
                raise TooHard(f"sympy: {type(error).__name__}") from None
