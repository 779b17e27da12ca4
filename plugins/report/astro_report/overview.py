"""The list of all runs, and the comparison of two of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup
from msgspec import Struct

from astro.errors import AstroError
from astro.files import read_lines
from astro.metrics import Estimate
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder
from astro.runs.stages.evaluate import ScoresFile
from astro.runs.stages.report import in_order, title_of
from astro.runs.tables import ABSENT, Table, amount, share
from astro.types import Verdict
from astro_report import folders
from astro_report.chunks import Embedded, embedded, json_bytes
from astro_report.differences import difference_table
from astro_report.documents import RunDocument, TrainingCurves, TrainingDocument
from astro_report.experiments import experiment_content, experiment_training, is_experiment
from astro_report.live import LiveRun
from astro_report.page import Bundle, Content, Link, environment
from astro_report.results import metric_title, scores_of
from astro_report.training import training_document


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list.

    Attributes:
        name: The name of the run or of the group.
        address: Where its page is; empty for a group.
        state: How far it is; empty for a group.
        stage: The stage that it is in.
        solved: How many of its trees have a correct answer.
        scores: The pass@1 of each model.
        changed: When it last changed, with the time zone.
        problem: Why the run cannot be read; empty if it can.
    """

    name: str
    address: str = ""
    state: str = ""
    stage: str = ""
    solved: str = ""
    scores: Sequence[tuple[str, str]] = ()
    changed: str = ""
    problem: str = ""


Solved = Callable[[RunFolder], tuple[int, int] | None]
"""The numbers of solved trees and of all trees of a run so far; None if it has none."""


def rows(found: Sequence[folders.Found], registry: Registry, solved: Solved) -> list[Row]:
    """Return the lines of the list."""
    return [_row(one, registry, solved) for one in found]


def _row(found: folders.Found, registry: Registry, solved: Solved) -> Row:
    if not found.is_run:
        known = is_experiment(found.folder)
        return Row(found.name, address_of(found.name) if known else "")
    address = address_of(found.name)
    try:
        folder = RunFolder(found.folder)
        state = folders.state_of(folder, registry)
        scores = list(_pass_at_1(folder))
        trees = solved(folder)
    except (AstroError, OSError) as error:
        return Row(found.name, address, problem=str(error))
    share_of = f"{trees[0]:,} of {trees[1]:,} trees" if trees and trees[1] else ABSENT
    return Row(found.name, address, state.state, state.stage, share_of, scores, state.changed)


class _Node(Struct):
    verdict: Verdict | None = None


class _Tree(Struct):
    """A tree without its texts."""

    nodes: list[_Node]


@lru_cache(maxsize=1000)
def solved_trees(path: Path, version: tuple[int, int]) -> tuple[int, int]:  # noqa: ARG001
    """Return the numbers of solved trees and of all trees in a file of this version.

    Raises:
        RunError: A line is damaged.
    """
    trees = read_lines(path, _Tree)
    found = [any(n.verdict and n.verdict.correct for n in tree.nodes) for tree in trees]
    return sum(found), len(found)


def _pass_at_1(folder: RunFolder) -> Iterator[tuple[str, str]]:
    scores = scores_of(folder)
    for model in in_order(scores.models) if scores else ():
        yield title_of(model), share(scores.models[model].get("pass@1")) if scores else ABSENT


def index(root: Path, listed: Sequence[Row], bundle: Bundle, policy: str) -> str:
    """Return the page with the list of all runs."""
    return (
        environment()
        .get_template("index.html.j2")
        .render(
            root=str(root),
            rows=listed,
            policy=policy,
            style=Markup(bundle.style),
            script=Markup(bundle.script),
        )
    )


def comparison(runs: Mapping[str, LiveRun]) -> tuple[Content, list[Embedded]]:
    """Return the page that shows runs side by side, by name, and its documents.

    Raises:
        AstroError: A file of a run is damaged.
    """
    scores = {name: read for name, run in runs.items() if (read := scores_of(run.folder))}
    trainings = [
        TrainingCurves(f"{name}: {curves.title}", curves.series)
        for name, run in runs.items()
        for curves in training_document(run.folder).trainings
    ]
    configs = [run.config().model_dump(mode="json") for run in runs.values()]
    responses = {
        f"{head.title} of {name}": run.responses(head.name)
        for name, run in runs.items()
        for head in run.run_document().models
    }
    tables = [*difference_table(responses), *_side_by_side(scores, list(runs))]
    content = Content(
        RunDocument(" and ".join(runs), training=bool(trainings)),
        results=[*tables, _config_table(configs, list(runs))],
    )
    documents = {"run": content.run, "training": TrainingDocument(trainings)}
    return content, [embedded(name, json_bytes(value)) for name, value in documents.items()]


def _config_table(configs: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Table:
    """The keys of the configs whose values differ."""
    flat = [dict(_flat(config)) for config in configs]
    keys = list(dict.fromkeys(key for one in flat for key in one))
    rows = [[key, *(one.get(key, ABSENT) for one in flat)] for key in keys]
    differing = [row for row in rows if len(set(row[1:])) > 1]
    return Table("Keys of the config that differ", ["", *names], differing)


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each value of a config with its path, such as `search.params.iterations`."""
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _flat(part, f"{path}.{key}".lstrip("."))
    else:
        yield path, json_bytes(value).decode()


def group(found: folders.Found) -> tuple[Content, list[Embedded]]:
    """Return the page of a study or of rounds, and its documents.

    Raises:
        AstroError: It has no results yet, or a file is damaged.
    """
    content = experiment_content(found.folder)
    runs = [inside for inside in folders.find(found.folder) if inside.is_run]
    links = [Link(address_of(f"{found.name}/{run.name}"), run.name) for run in runs]
    documents: dict[str, Any] = {"run": content.run}
    if content.run.training:
        documents["training"] = experiment_training(found.folder)
    held = [embedded(name, json_bytes(value)) for name, value in documents.items()]
    return replace(content, links=links), held


def address_of(name: str) -> str:
    """Return where the page of a run is."""
    return f"/run/{quote(name, safe='')}/"


def _side_by_side(scores: dict[str, ScoresFile], names: Sequence[str]) -> Iterator[Table]:
    """A table for each model: a row for each metric, a column for each run."""
    models = in_order({model for read in scores.values() for model in read.models})
    for model in models:
        figures = [_figures(scores.get(name), model) for name in names]
        metrics = dict.fromkeys(metric for one in figures for metric in one)
        table = [[metric_title(m), *(_cell(m, one.get(m)) for one in figures)] for m in metrics]
        yield Table(title_of(model), ["", *names], table, "With 95 % intervals; shares in %.")


def _figures(scores: ScoresFile | None, model: str) -> dict[str, Estimate]:
    return dict(scores.models.get(model, {})) if scores else {}


def _cell(metric: str, figure: Estimate | None) -> str:
    return amount(figure) if metric in ("response_length", "backtracks") else share(figure)
