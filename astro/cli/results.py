"""The results of a run or a search, as tables and panels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from astro.cli.tables import line, text
from astro.config.run import BASE
from astro.metrics import Estimate
from astro.runs.answering import Answered
from astro.runs.folder import RunFolder
from astro.runs.runner import RunResult
from astro.runs.scoring import Scores
from astro.runs.solve import best_answer
from astro.runs.stages.report import SampleResponse, in_order, title_of
from astro.text import head_and_tail, one_line
from astro.types import SearchTree


class Column(NamedTuple):
    """A metric and how it is shown."""

    title: str
    key: str
    percent: bool = True
    interval: bool = False


def outcome(result: RunResult, base: str = BASE) -> Iterator[RenderableType]:
    """A comparison of the models, sample responses, and the path of the files."""
    if result.scores:
        yield Fitting(score_table(result.scores, base), score_lines(result.scores, base))
    yield from map(example_block, result.examples)
    yield text(f"The run's files are in {result.folder}/")
    yield from page_line(result.folder)


def page_line(folder: Path) -> Iterator[RenderableType]:
    """Where the report to look at is, if a plugin has written one."""
    page = RunFolder(folder).page
    if page.exists():
        yield text("Open in a browser:")
        yield Text(one_line(str(page)), no_wrap=True, overflow="ignore")


def score_table(scores: Scores, base: str = BASE) -> Table:
    """One row per model; `base` is the title of the base model.

    A metric that no model has gets no column; a missing value is a dash.
    """
    columns = _columns(_names(scores))
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False, caption=_caption(columns))
    table.add_column("\nmodel", overflow="fold")
    for column in columns:
        table.add_column(column.title, justify="right", no_wrap=True)
    for model in in_order(scores):
        cells = (_cell(scores[model], column) for column in columns)
        table.add_row(*map(line, (title_of(model, base), *cells)))
    return table


def score_lines(scores: Scores, base: str = BASE) -> RenderableType:
    """The figures of the table as one paragraph for each model, for a narrow terminal."""
    columns = _columns(_names(scores))
    told = {
        title_of(model, base): [f"{_words(c)} {_cell(scores[model], c)}" for c in columns]
        for model in in_order(scores)
    }
    lines = (line(f"{title}: {', '.join(figures)}") for title, figures in told.items())
    return Group(*lines, line(_caption(columns), "dim italic"))


@dataclass(frozen=True, slots=True)
class Fitting:
    """A table, or `narrow` in its place if the table is wider than the terminal."""

    table: Table
    narrow: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        needed = console.measure(self.table, options=options.update(max_width=1000)).maximum
        yield self.table if needed <= options.max_width else self.narrow


def _names(scores: Scores) -> set[str]:
    """The metrics that models have, without counts in own words that are shown as 0.0 for all."""
    figures = [item for figures in scores.values() for item in figures.items()]
    own_words = ("reflections", "returns")
    return {name for name, found in figures if name not in own_words or found.value >= 0.05}


def _words(column: Column) -> str:
    return " ".join(column.title.split()).replace("- ", "")


def _caption(columns: Iterable[Column]) -> str:
    """The units of the columns, in words."""
    counts = [_words(column) for column in columns if not column.percent]
    means = f"{' and '.join(counts)} per response, all else " if counts else ""
    return f"{means}in %, with 95 % intervals"


def _columns(names: set[str]) -> list[Column]:
    """The columns whose metric is in `names`; pass@k and maj@k are those with the largest k."""
    pass_at_k, maj_at_k = (_largest_k(names, prefix) for prefix in ("pass@", "maj@"))
    columns = (
        Column("\npass@1", "pass@1", interval=True),
        Column("\ngreedy", "greedy"),
        Column(f"\n{pass_at_k}", pass_at_k),
        Column(f"\n{maj_at_k}", maj_at_k),
        Column("all\nlegal", "legal"),
        Column("mean\ntokens", "response_length", percent=False),
        Column("back-\ntracks", "backtracks", percent=False),
        Column("with\none", "with_backtrack"),
        Column("then\nright", "success_after_backtrack"),
        Column("re-\nflects", "reflections", percent=False),
        Column("re-\nturns", "returns", percent=False),
    )
    return [column for column in columns if column.key in names]


def _largest_k(names: Iterable[str], prefix: str) -> str:
    at_k = [name for name in names if name.startswith(prefix) and name != "pass@1"]
    return max(at_k, key=lambda name: int(name.removeprefix(prefix)), default="")


def _cell(figures: Mapping[str, Estimate], column: Column) -> str:
    if (figure := figures.get(column.key)) is None:
        return "-"
    scale = 100 if column.percent else 1
    value, low, high = (f"{scale * x:.1f}" for x in (figure.value, figure.low, figure.high))
    return f"{value} [{low}, {high}]" if column.interval else value


def example_block(example: SampleResponse) -> RenderableType:
    """A response below its problem, with its verdict."""
    response = head_and_tail(example.response.strip(), f"eval/{example.model}.jsonl")
    parts = (example.problem.prompt.strip(), response, example.status)
    return block(example.title, "\n\n".join(parts))


def block(title: str, body: str) -> RenderableType:
    """Text of a model under its title.

    It has no border on its right, because terminals disagree on the width of many characters.
    """
    return Group(Rule(line(title), align="left"), text(body), "")


def solution(tree: SearchTree) -> Iterator[RenderableType]:
    """The steps of the best answer, its verdict, and the size of the search."""
    best = best_answer(tree)
    steps = [node.step.text.strip() for node in tree.path(best.id)] if best else []
    answer = head_and_tail("\n".join(steps), "the tree that --save writes")
    body = f"{tree.problem.prompt.strip()}\n\n{answer}"
    title = "the best answer found" if best else "no answer found"
    yield block(title, body)
    if best and best.verdict:
        parts = (best.verdict.answer, best.verdict.status, best.verdict.reason)
        yield line(": ".join(part for part in parts if part))
    depth = max((node.depth for node in tree.nodes), default=0)
    counts = f"{len(tree.nodes)} nodes, {len(tree.terminals())} terminal, depth {depth}"
    yield text(f"{counts}; the search {tree.ended}")


def answered(result: Answered, *, show_all: bool) -> Iterator[RenderableType]:
    """The chosen response and answer, the confidence in it, and what it cost."""
    best, chosen = result.best, result.chosen
    if best and chosen:
        shown = head_and_tail(best.response.strip(), "the JSON that --json prints")
        yield block(result.problem.prompt.strip(), shown)
        low, high = chosen.confidence.low, chosen.confidence.high
        yield line(best.answer)
        yield text(f"confidence {chosen.confidence.value:.0%} ({low:.0%} to {high:.0%})")
    else:
        yield line(result.failure or "no answer was found")
    if show_all:
        yield _candidates(result)
    kinds = f"{len(result.candidates):,} different, {result.cut:,} cut off"
    cost = f"{kinds}; {result.tokens:,} tokens, {result.seconds:.1f} s"
    yield text(f"{result.samples:,} responses, {cost}; the search ended: {result.tree.ended}")


def _candidates(result: Answered) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    for title in ("answer", "class", "samples", "score", "tokens"):
        table.add_column(title, justify="left" if title == "answer" else "right")
    for found in result.candidates:
        candidate = found.candidate
        score = f"{candidate.score:.3f}"
        cells = (found.answer, candidate.vote, candidate.samples, score, candidate.tokens)
        table.add_row(*(line(head_and_tail(str(cell), "--json", 200)) for cell in cells))
    return table
