"""What holds for params that say what their plugin costs and how it is rehearsed."""

from __future__ import annotations

from collections.abc import Iterator

from astro.errors import ConfigError
from astro.planning.cost import HasCost, RequestCost
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro.rehearsal.rehearsable import Rehearsable, RehearsalScale


def budget_faults(kind: str, binding: Binding) -> list[str]:
    """What is wrong with the costs and the rehearsals of a plugin's params, one line each."""
    params = Registry.discover().params(kind, binding.name, binding.params)
    faults = list(_cost_faults(params))
    for scale in (RehearsalScale(), RehearsalScale(taught=True, gpu=True)):
        faults += _rehearsal_faults(kind, binding, scale)
    return faults


def _cost_faults(params: object) -> Iterator[str]:
    if isinstance(params, HasCost):
        cost = params.cost()
        yield from (f"{each} is negative" for each in cost.requests if _samples(each) < 0)
        yield from (f"{cost} is negative" for _ in range(min(cost.paths, cost.epochs) < 0))


def _rehearsal_faults(kind: str, binding: Binding, scale: RehearsalScale) -> Iterator[str]:
    """Rehearsed params validate, need no further change, and cost no more than before."""
    registry = Registry.discover()
    before = registry.params(kind, binding.name, binding.params)
    if not isinstance(before, Rehearsable):
        return
    small = binding.with_params(**before.rehearsed(scale))
    try:
        now = registry.params(kind, binding.name, small.params)
    except ConfigError as error:
        yield from (f"rehearsed with {scale}: {problem}" for problem in error.problems)
        return
    again = registry.params(kind, binding.name, small.with_params(**now.rehearsed(scale)).params)
    if again != now:
        yield f"rehearsed once: {now}, twice: {again}"
    if isinstance(before, HasCost) and isinstance(now, HasCost):
        yield from _grown(before, now, scale)


def _grown(before: HasCost, now: HasCost, scale: RehearsalScale) -> Iterator[str]:
    """A rehearsal may raise a limit on tokens to that of its scale, and nothing else."""
    in_a_run = {cost.what: cost for cost in before.cost().requests}
    room = max(scale.response_tokens, scale.step_tokens)
    for cost in now.cost().requests:
        own = in_a_run.get(cost.what)
        if own is None:
            yield f"a rehearsal makes requests that a run does not: {cost}"
        elif _samples(cost) > _samples(own) or cost.max_tokens > max(own.max_tokens, room):
            yield f"a rehearsal costs more than a run: {cost} for {own}"


def _samples(cost: RequestCost) -> float:
    return cost.requests * cost.samples
