"""sympy as the last resort, for closed forms and for proofs that a difference is zero.

Closed forms are those of sums, integrals, limits and derivatives. Expressions are built node by
node, within the limits of `bounds` and under an `Allowance`. sympy is imported on first use.
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

_ONE_AT_A_TIME = Lock()  # mpmath's precision, which sympy sets, is global to the process


@cache
def load() -> ModuleType:
    """Import sympy and build its tables, which takes a second that no allowance is charged for."""
    from astro_sympy.values import computing

    computing.make_tables()
    return computing


def closed_form(node: Node, allowance: Allowance) -> Node:
    """Return the value of a sum, integral, limit or derivative.

    Raises:
        TooHard: sympy finds no closed form within the bounds.
        Undefined: There is no finite value.
    """
    check_size(node)
    found: Node = _asked(lambda computing: computing.closed_form(node), allowance)
    return found


def vanishes(difference: Node, allowance: Allowance) -> bool:
    """Whether sympy proves that the expression is zero for all real values of its variables."""
    try:
        check_size(difference)
        return bool(_asked(lambda computing: computing.is_zero(difference), allowance))
    except (TooHard, Undefined):
        return False


def _asked(question: Callable[[ModuleType], Any], allowance: Allowance) -> Any:
    """Run a computation in sympy from a fixed state, so that results do not depend on the order.

    Raises:
        TooHard: The allowance is used up, or sympy fails.
    """
    with _ONE_AT_A_TIME:
        computing = load()
        with computing.clean_state():
            try:
                return metered(lambda: question(computing), allowance, computing.guards())
            except Spent:
                raise TooHard("not decided within the bounds") from None
            except (TooHard, Undefined, MemoryError):
                raise
            except Exception as error:  # sympy may raise anything on untrusted input
                raise TooHard(f"sympy: {type(error).__name__}") from None
