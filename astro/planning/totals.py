"""The hours and gigabytes that the work of a run takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from astro.config.run import RunConfig
from astro.planning.assumptions import Assumptions
from astro.planning.work import CostLine
from astro.requests import POLICY

_FLOPS = {"format_sft": 6, "sft": 6, "rl": 8}
"""FLOPs per token and parameter: 2 forward and 4 backward (arXiv 2001.08361, section 2.1). RL also
computes the log-probability of each token before the update: 2 more."""


@dataclass(frozen=True, slots=True)
class Total:
    """A number of hours or gigabytes, and the product that it comes from."""

    what: str
    arithmetic: str
    value: float


def short(value: float) -> str:
    """A number with three significant digits and a unit, such as 84.8M."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def gpu_hours(rows: Sequence[CostLine], assumed: Assumptions) -> dict[str, list[Total]]:
    """Stage -> the hours of the policy's sampling and training, on all GPUs together or the CPU."""
    by_stage: dict[str, list[CostLine]] = {}
    for row in rows:
        if row.model == POLICY:
            by_stage.setdefault(row.stage, []).append(row)
    return {stage: list(_stage_hours(stage, mine, assumed)) for stage, mine in by_stage.items()}


def _stage_hours(stage: str, rows: Sequence[CostLine], assumed: Assumptions) -> Iterator[Total]:
    reads, writes = assumed.prompt_tokens_per_second, assumed.tokens_per_second
    generated = sum(row.generated_tokens for row in rows)
    computed = sum(row.computed_prompt_tokens for row in rows)
    trained = sum(row.trained_tokens for row in rows)
    if generated:
        product = f"{short(generated)} tokens / {writes:g}/s + {short(computed)} / {reads:g}/s"
        yield Total(f"{stage}, sampling", product, (generated / writes + computed / reads) / 3600)
    if trained and assumed.parameters:
        flops, tflops = _FLOPS[stage] * assumed.parameters * 1e9, assumed.training_tflops
        product = f"{short(flops)}FLOP x {short(trained)} tokens / {tflops:g} TFLOP/s"
        yield Total(f"{stage}, training", product, flops * trained / (tflops * 1e12) / 3600)


def hours(spent: Mapping[str, Sequence[Total]], gpus: Mapping[str, int]) -> list[Total]:
    """The hours of each stage on the clock, if all its GPUs work all the time."""
    found = []
    for stage, totals in spent.items():
        if value := sum(total.value for total in totals):
            product = f"{short(value)} GPU-hours / {gpus[stage]} GPUs"
            found.append(Total(stage, product, value / gpus[stage]))
    return found


def gigabytes(
    config: RunConfig, rows: Sequence[CostLine], grown: Sequence[CostLine], assumed: Assumptions
) -> list[Total]:
    """The disk space of a run with the work `rows`, whose trees come from the work `grown`.

    Without a search among `rows`, the trees are copies of another run's.
    """
    trees = _trees(grown, copies=2 if any(row.nodes for row in rows) else 1)
    found = [_journal(rows), trees, *_checkpoints(config, assumed)]
    return [total for total in found if total.value]


def _journal(rows: Sequence[CostLine]) -> Total:
    """The size of the journal. Its 12 bytes per token were measured for a large vocabulary.

    The bytes per request are those of the quickstart.
    """
    recorded = [row for row in rows if row.stage != "rl"]
    tokens = sum(row.generated_tokens for row in recorded)
    requests = sum(row.requests for row in recorded)
    product = f"12 B x {short(tokens)} tokens + 400 B x {short(requests)} requests"
    return Total("journal", product, (12 * tokens + 400 * requests) / 1e9)


def _trees(grown: Sequence[CostLine], *, copies: int) -> Total:
    """The size of the trees; a run that searches also has them in its journal."""
    nodes = sum(row.nodes for row in grown)
    steps = sum(row.generated_tokens for row in grown if row.nodes)
    what = "trees, also in the journal" if copies > 1 else "trees, a copy"
    product = f"{copies} x (230 B x {short(nodes)} nodes + 10 B x {short(steps)} tokens)"
    return Total(what, product, copies * (230 * nodes + 10 * steps) / 1e9)


def _checkpoints(config: RunConfig, assumed: Assumptions) -> Iterator[Total]:
    """The size of the models, and of the two checkpoints that a training keeps."""
    if (size := assumed.parameters) and (models := len(config.trained())):
        product = f"({models} models x 2 B + 2 states in training x 14 B) x {short(size * 1e9)}"
        yield Total("checkpoints", product, (2 * models + 28) * size)
