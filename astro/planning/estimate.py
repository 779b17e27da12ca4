"""Estimate the cost of a run from its config, without loading an engine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from math import inf

from astro.config.loading import UNUSED
from astro.config.run import STAGES, RunConfig
from astro.planning.assumptions import Assumptions
from astro.planning.cost import StageCost
from astro.planning.totals import Total, gigabytes, gpu_hours, hours, short
from astro.planning.work import PARTS, CostLine, Counts, all_work, said_cost, search_work
from astro.plugins.registry import Registry
from astro.requests import POLICY


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run takes: its requests and samples at most, its tokens, hours and gigabytes about.

    A search takes less if samples are equal, which makes them one state, or if they are terminal,
    since terminal states need no estimate of their value. `gpu_hours` are those of all GPUs
    together, or of the CPU, and `hours` those on the clock. `notes` say what is left out.
    """

    rows: list[CostLine]
    gpu_hours: list[Total]
    hours: list[Total]
    gigabytes: list[Total]
    notes: list[str]


def estimate(
    config: RunConfig,
    registry: Registry,
    counts: Counts,
    assumed: Assumptions,
    *,
    stages: Collection[str] = STAGES,
) -> Plan:
    """What the `stages` of `config` take at most. Without `search`, its trees are copies.

    Plugins whose params have no method `cost` are named in `notes`.
    """
    found = {key: said_cost(config, registry, key) for key in PARTS}
    notes = [
        f"left out: {key} {binding.name} does not say what it costs"
        for key, _, binding in config.bindings()
        if key in found and found[key] is None and binding.name != UNUSED
    ]
    costs = {key: cost or StageCost() for key, cost in found.items()}
    trees: float = counts.trees
    generated = sum(row.generated_tokens for row in search_work(costs, trees, assumed))
    if generated > (limit := trees * (config.budget.tokens or inf)):
        allowed = f"{limit / generated:.1%} of each search"
        notes.append(
            f"budget.tokens allows {allowed}, and the requests under way when it is exhausted"
        )
        trees *= limit / generated
    work = list(all_work(config, registry, costs, counts, assumed, trees=trees))
    rows = [row for row in work if row.stage in stages and (row.requests or row.trained_tokens)]
    notes += _other_roles(rows)
    if not assumed.parameters and any(row.trained_tokens for row in rows):
        notes.append("left out of the GPU-hours: training; give the model's size by --parameters")
    spent = gpu_hours(rows, assumed)
    return Plan(
        rows,
        [total for totals in spent.values() for total in totals],
        hours(spent, _gpus(config, registry)),
        gigabytes(config, rows, work, assumed),
        notes,
    )


def _other_roles(rows: list[CostLine]) -> Iterator[str]:
    """A note on what the models of each other role generate, since their speeds are unknown."""
    for role in dict.fromkeys(row.model for row in rows if row.model != POLICY):
        tokens = sum(row.generated_tokens for row in rows if row.model == role)
        yield f"left out of the GPU-hours: models.{role}, which generates {short(tokens)} tokens"


def _gpus(config: RunConfig, registry: Registry) -> Mapping[str, int]:
    """How many GPUs each stage uses at once, as far as the config says; else one."""
    said = {
        key: cost.gpus
        for key in ("executor", "policy", "format_sft", "sft", "rl")
        if (cost := said_cost(config, registry, key))
    }
    sampling = said.get("executor") or said.get("policy") or 1
    trainers = {stage: said.get(stage) or 1 for stage in ("format_sft", "sft", "rl")}
    return dict.fromkeys(STAGES, sampling) | trainers
