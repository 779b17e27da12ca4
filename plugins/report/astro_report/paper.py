"""The paper's results, beside those of a run on the same benchmarks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.resources import files

import msgspec
from msgspec import Struct

from astro.runs.scoring import Group
from astro.runs.stages.report import in_order, title_of
from astro.runs.tables import ABSENT, Table, share


class Paper(Struct):
    """pass@1 in percent by model and benchmark, and the names that configs give benchmarks."""

    source: str
    benchmarks: dict[str, list[str]]
    models: dict[str, dict[str, float]]


def read_paper() -> Paper:
    """The paper's figures."""
    content = (files("astro_report") / "paper.json").read_bytes()
    return msgspec.json.decode(content, type=Paper)


def paper_table(groups: Iterable[Group], base: str, paper: Paper) -> Iterator[Table]:
    """The run's pass@1 on the paper's benchmarks above the paper's own, if there are any."""
    sets = {
        benchmark: group
        for group in groups
        if not group.key and (benchmark := _benchmark(group.evaluation_set, paper))
    }
    names = [name for name in paper.benchmarks if name in sets]
    if not names:
        return
    models = in_order({model: None for name in names for model in sets[name].models})
    ours = [
        [
            f"{title_of(model, base)}, this run",
            *(share(sets[name].models.get(model, {}).get("pass@1")) for name in names),
        ]
        for model in models
    ]
    theirs = [
        [f"{model}, paper", *(_figure(figures.get(name)) for name in names)]
        for model, figures in paper.models.items()
    ]
    note = f"pass@1 in %. {paper.source}. Its models have 70 billion parameters."
    yield Table("Beside the paper", ["", *names], [*ours, *theirs], note)


def _benchmark(evaluation_set: str, paper: Paper) -> str | None:
    """The benchmark that a set's name stands for, however its words are joined."""
    plain = re.sub(r"[^a-z0-9]", "", evaluation_set.lower())
    return next((name for name, known in paper.benchmarks.items() if plain in known), None)


def _figure(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.1f}"
