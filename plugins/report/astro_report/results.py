"""Tables of the scores of a run, with the figures of its scores.json."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from astro.runs.folder import RunFolder
from astro.runs.scoring import Figures, Group, Scores
from astro.runs.stages.evaluate import ScoresFile, read_scores
from astro.runs.stages.report import in_order, title_of
from astro.runs.tables import Table, amount, share

_TITLES = {
    "greedy": "greedy",
    "truncated": "truncated",
    "failed": "problems failed",
    "legal": "all lines legal",
    "response_length": "tokens per response",
    "backtracks": "backtracks per response",
    "with_backtrack": "responses with a backtrack",
    "success_after_backtrack": "right after a backtrack",
    "reflections": "reflections in own words",
    "returns": "returns in own words",
    "empty": "empty responses",
}
_ACCURACY = ("pass@", "maj@", "greedy")
_AMOUNTS = ("response_length", "backtracks", "reflections", "returns")


def scores_of(folder: RunFolder) -> ScoresFile | None:
    """The scores of a run, or None if its models have not been evaluated."""
    return read_scores(folder.scores) if folder.scores.exists() else None


def score_tables(scores: ScoresFile, base: str) -> Iterator[Table]:
    """The tables of all models: accuracy, behavior, verdict classes, and each group."""
    rows = [(title_of(model, base), scores.models[model]) for model in in_order(scores.models)]
    names = list(dict.fromkeys(name for _, figures in rows for name in figures))
    accuracy = [name for name in names if name.startswith(_ACCURACY)]
    verdicts = [name for name in names if name.startswith("verdict/")]
    behavior = [name for name in names if name not in {*accuracy, *verdicts}]
    note = "In %, with 95 % intervals that are clustered by problem."
    yield _table("Accuracy", rows, accuracy, note)
    if behavior:
        units = "Shares in %, tokens and backtracks as means per response, with 95 % intervals."
        yield _table("Responses", rows, behavior, units)
    if verdicts:
        yield _table("Verdicts", rows, verdicts, "Shares of the responses in %.")
    yield from _groups(scores.groups, base)


def _groups(groups: Sequence[Group], base: str) -> Iterator[Table]:
    for (name, key), found in groupby(groups, lambda group: (group.evaluation_set, group.key)):
        parts = sorted(found, key=lambda part: _rank(part.value))
        rows = [
            (f"{_part(part)} ({part.problems:,}), {title_of(model, base)}", figures)
            for part in parts
            for model, figures in _ordered(part.models)
        ]
        names = list(dict.fromkeys(metric for _, figures in rows for metric in figures))
        title = f"{name} by {key}" if name and key else name or f"By {key}"
        yield _table(title, rows, names, "In %; numbers of problems in parentheses.")


def _part(group: Group) -> str:
    """What the problems of a group have in common."""
    return (group.value or "(empty)") if group.key else "all"


def _rank(value: str) -> tuple[bool, float, str]:
    """Sorts numbers as numbers, before all other values."""
    try:
        return False, float(value), value
    except ValueError:
        return True, 0.0, value


def _ordered(models: Scores) -> Iterator[tuple[str, Figures]]:
    return ((model, models[model]) for model in in_order(models))


def _table(
    title: str, rows: Iterable[tuple[str, Figures]], names: Sequence[str], note: str
) -> Table:
    cells = [[head, *(_cell(name, figures) for name in names)] for head, figures in rows]
    return Table(title, ["", *map(metric_title, names)], cells, note)


def metric_title(name: str) -> str:
    """The name of a metric in the head of a column."""
    return _TITLES.get(name, name.removeprefix("verdict/").replace("_", " "))


def _cell(name: str, figures: Figures) -> str:
    figure = figures.get(name)
    return amount(figure) if name in _AMOUNTS else share(figure)
