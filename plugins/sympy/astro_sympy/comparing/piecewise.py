"""Equality of case distinctions: the same values under the same conditions, in any order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from astro_sympy.comparing.equations import same_relation
from astro_sympy.comparing.quantities import Scope
from astro_sympy.comparing.regions import region, same_region
from astro_sympy.values.intervals import Region, complement, union
from astro_sympy.values.nodes import Group, Node, Relation, variables


class _Case(NamedTuple):
    """A value, its condition (None for `otherwise`), and the real numbers that satisfy it."""

    value: Node
    condition: Node | None
    where: Region | None


def same_cases(
    gold: Group, answer: Group, scope: Scope, same: Callable[[Node, Node, Scope], bool]
) -> bool:
    """Whether each case of one is a case of the other; `same` compares their values."""
    ours, theirs = _cases(gold, scope), _cases(answer, scope)
    if len(ours) != len(theirs):
        return False
    for mine in ours:
        found = next((other for other in theirs if _same_condition(mine, other, scope)), None)
        if found is None or not same(mine.value, found.value, scope):
            return False
        theirs.remove(found)
    return True


def _cases(group: Group, scope: Scope) -> list[_Case]:
    cases = []
    for item in group.items:
        assert isinstance(item, Group)
        value, condition = item.items if len(item.items) == 2 else (item.items[0], None)
        cases.append(_Case(value, condition, region(condition, scope.work) if condition else None))
    rest = _rest([case.where for case in cases if case.condition])
    return [case if case.condition else case._replace(where=rest) for case in cases]


def _rest(regions: Sequence[Region | None]) -> Region | None:
    """Return the real numbers outside all regions; None if some region or end is unknown."""
    intervals = [interval for part in regions for interval in part or ()]
    ends = [end.key for interval in intervals for end in (interval.low, interval.high)]
    if None in regions or any(map(math.isnan, ends)):
        return None
    whole = union(intervals)
    return None if whole is None else complement(whole)


def _same_condition(ours: _Case, theirs: _Case, scope: Scope) -> bool:
    mine, other = ours.condition, theirs.condition
    if ours.where is not None and theirs.where is not None:
        names = mine and other and variables(mine) != variables(other)
        return not names and same_region(ours.where, theirs.where, scope)
    if mine == other or not (isinstance(mine, Relation) and isinstance(other, Relation)):
        return mine == other
    memberships = {"in", "notin"}.intersection(mine.operators + other.operators)
    return not memberships and same_relation(mine, other, scope.work)
