"""`astro show`: a run's trees, traces, responses and failures in the terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click
from msgspec import Struct
from rich.console import Console, RenderableType
from rich.table import Table as Grid
from rich.text import Text

from astro.errors import RunError
from astro.files import index_lines, read_line, read_lines
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder
from astro.runs.scoring import EvaluatedProblem
from astro.runs.tables import Table
from astro.runs.trees import check_tree
from astro.text import head_and_tail, one_line, plain
from astro.types import Node, Problem, SearchTree, Segment, SegmentKind, Status, Verdict
from astro_report import reading
from astro_report.graph import graph_rows
from astro_report.outline import console, counted, elided, outline
from astro_report.report import base_title, step_format_of
from astro_report.responses import parts
from astro_report.results import score_tables, scores_of

_WORDS = {
    Status.CORRECT: ("right", "green"),
    Status.INCORRECT: ("wrong", "red"),
    Status.UNPARSED: ("unread", "yellow"),
    Status.TIMEOUT: ("timed out", "magenta"),
    Status.BAD_REFERENCE: ("bad reference", "magenta"),
    Status.ERROR: ("error", "magenta"),
}
_STYLES = {SegmentKind.REFLECTION: "yellow", SegmentKind.BACKTRACK: "magenta"}
_NARROW = 50
_LISTED = 10


class _Row(Struct):
    """The part of a row by which it is listed and found."""

    problem: Problem


class _Verdict(Struct):
    verdict: Verdict | None


class _TreeRow(_Row):
    nodes: list[_Verdict]


class _Failure(Struct):
    task: str
    reason: str


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--tree", "tree_id", metavar="ID", help="Show the tree of this problem.")
@click.option("--node", type=int, metavar="N", help="With --tree: show this node whole.")
@click.option("--trace", type=int, metavar="N", help="With --tree: show this trace step by step.")
@click.option("--failures", is_flag=True, help="Show what failed, and the unsolved trees.")
@click.option("--responses", "model", metavar="MODEL", help="Show a model's responses.")
@click.option("--problem", metavar="ID", help="With --responses: show those to this problem.")
@click.option("--all", "all_rows", is_flag=True, help="Leave nothing out.")
def show(
    run: Path,
    *,
    tree_id: str | None,
    node: int | None,
    trace: int | None,
    failures: bool,
    model: str | None,
    problem: str | None,
    all_rows: bool,
) -> None:
    """Show the run in the folder RUN: its results, and what else of it can be shown.

    An ID is that of a problem, or the number of its row, from 0.
    """
    if sum(map(bool, (tree_id is not None, failures, model is not None))) > 1:
        raise click.UsageError("--tree, --failures and --responses exclude one another")
    if (node is not None or trace is not None) and tree_id is None:
        raise click.UsageError("--node and --trace go with --tree")
    if problem is not None and model is None:
        raise click.UsageError("--problem goes with --responses")
    folder, to = RunFolder(run), console()
    reading.run_config(folder)
    rows: Iterator[RenderableType]
    if tree_id is not None:
        tree = _tree(folder, tree_id)
        if node is not None:
            rows = _node(tree, node, all_rows=all_rows)
        elif trace is not None:
            rows = elided(_trace(folder, tree, trace, to), all_rows=all_rows)
        else:
            rows = _whole_tree(folder, tree, to, all_rows=all_rows)
    elif failures:
        rows = elided(_failures(folder), all_rows=all_rows)
    elif model is not None and problem is not None:
        rows = _responses(folder, model, problem, to, all_rows=all_rows)
    elif model is not None:
        rows = elided(_problems(folder, model), all_rows=all_rows)
    else:
        rows = _summary(folder, all_rows=all_rows)
    for row in rows:
        to.print(row, soft_wrap=isinstance(row, Text) and len(row.plain) <= to.width)


def _summary(folder: RunFolder, *, all_rows: bool) -> Iterator[RenderableType]:
    """The results of a run, and the commands that show the rest."""
    config = reading.run_config(folder)
    yield Text(one_line(config.name), "bold")
    if scores := scores_of(folder):
        yield from islice(map(_grid, score_tables(scores, base_title(folder, config))), 1)
    command = f"astro show {shlex.quote(str(folder.root))}"
    if folder.trees.exists():
        listed = list(_listed(folder))
        solved = sum(right for _, right in listed)
        yield Text(f"{len(listed):,} trees, {solved:,} of them solved:")
        for row in listed if all_rows else listed[:_LISTED]:
            yield _tree_line(*row)
        if len(listed) > _LISTED and not all_rows:
            yield Text(f"  … {len(listed) - _LISTED:,} more, which --all lists", "italic")
        yield Text(one_line(f"{command} --tree ID"), "dim")
    for model in reading.models(folder):
        yield Text(one_line(f"{command} --responses {shlex.quote(model)}"), "dim")
    yield Text(one_line(f"{command} --failures"), "dim")


def _grid(table: Table) -> RenderableType:
    caption = Text(plain(table.note))
    grid = Grid(title=Text(plain(table.title)), caption=caption, box=None, padding=(0, 1, 0, 0))
    for number, column in enumerate(table.columns):
        grid.add_column(Text(one_line(column)), justify="right" if number else "left")
    for row in table.rows:
        grid.add_row(*(Text(one_line(cell)) for cell in row))
    return grid


def _listed(folder: RunFolder) -> Iterator[tuple[str, bool]]:
    """The id of each tree, and whether it is solved."""
    for row in read_lines(folder.trees, _TreeRow):
        yield row.problem.id, any(node.verdict and node.verdict.correct for node in row.nodes)


def _tree_line(problem_id: str, solved: bool) -> Text:
    word, style = ("solved", "green") if solved else ("unsolved", "red")
    return Text.assemble("  ", (f"{word:<9}", style), one_line(problem_id))


def _place(path: Path, wanted: str, what: str) -> int:
    """The offset of the row of a problem, by its id or by its number. Raises `RunError`."""
    if not path.exists():
        raise RunError(f"{path} does not exist: the run has no {what} yet")
    offsets = {row.problem.id: offset for offset, row in index_lines(path, _Row)}
    if wanted in offsets:
        return offsets[wanted]
    if wanted.isdecimal() and int(wanted) < len(offsets):
        return list(offsets.values())[int(wanted)]
    some = ", ".join(islice(offsets, 3))
    raise RunError(f"{path} has no problem {wanted!r:.80}", f"the first of it are {some:.200}")


def _tree(folder: RunFolder, wanted: str) -> SearchTree:
    offset = _place(folder.trees, wanted, "trees")
    return check_tree(read_line(folder.trees, offset, SearchTree), folder.trees)


def _verdict(verdict: Verdict | None) -> Text:
    """A verdict in words, with the answer that was read."""
    if verdict is None:
        return Text("no verdict")
    word, style = _WORDS[verdict.status]
    answer = "" if verdict.answer is None else f": {one_line(verdict.answer)}"
    return Text(word + answer, style)


def _whole_tree(
    folder: RunFolder, tree: SearchTree, to: Console, *, all_rows: bool
) -> Iterator[RenderableType]:
    yield from _head(tree.problem)
    nodes = tree.nodes

    def label(number: int) -> Text:
        return _node_line(nodes[number], narrow=to.width < _NARROW)

    parents = [-1 if node.parent is None else node.parent for node in nodes]
    yield from elided(outline(parents, label, to), all_rows=all_rows)
    depth = max(node.depth for node in nodes)
    yield Text(f"{counted(len(nodes), 'node')}, depth {depth:,}; the search {one_line(tree.ended)}")
    yield Text("N visits, Q value, P prior; --node N shows a node whole", "dim")
    for number, (arm, row) in enumerate(reading.TraceIndex(folder).of(tree.problem.id)):
        segments = counted(len(row.segments), "segment")
        counts = f"{segments}, {counted(row.backtracks, 'backtrack')}"
        yield Text(f"--trace {number} shows a trace of {arm}: {counts}", "dim")


def _head(problem: Problem) -> Iterator[Text]:
    yield Text(one_line(problem.id), "bold")
    yield Text(plain(head_and_tail(problem.prompt.strip(), "the run's files")))
    yield Text(f"reference answer: {one_line(problem.answer)}")


def _node_line(node: Node, *, narrow: bool) -> Text:
    figures = f"Q {node.q_value:.2f} "
    if not narrow:
        figures = f"N {node.visit_count:,} {figures}P {node.prior:.2f} "
    ended = Text.assemble(_verdict(node.verdict), " ") if node.terminal else Text()
    step = one_line(node.step.text[:400]).strip() if node.parent is not None else "(the problem)"
    return Text.assemble((f"{node.id} ", "bold"), (figures, "dim"), ended, step)


def _node(tree: SearchTree, number: int, *, all_rows: bool) -> Iterator[Text]:
    """One node with all that the tree says of it."""
    if not 0 <= number < len(tree.nodes):
        last = len(tree.nodes) - 1
        raise RunError(f"the tree has no node {number}", f"its nodes are 0 to {last}")
    node = tree.nodes[number]
    parent = "none" if node.parent is None else node.parent
    yield Text(f"node {node.id}, parent {parent}, depth {node.depth}", "bold")
    yield Text(
        f"N {node.visit_count:,}  Q {node.q_value:.6g}  P {node.prior:.6g}  "
        f"value {node.value:.6g}  log-probability {node.step.logprob:.6g}  "
        f"tokens {len(node.step.token_ids):,}"
    )
    if node.terminal:
        yield _verdict(node.verdict)
        if node.verdict and node.verdict.reason:
            yield Text(plain(node.verdict.reason))
    text = node.step.text
    yield Text(plain(text if all_rows else head_and_tail(text, "trees.jsonl; --all shows it")))


def _trace(folder: RunFolder, tree: SearchTree, number: int, to: Console) -> Iterator[Text]:
    """A trace segment by segment, each with its node."""
    found = list(reading.TraceIndex(folder).of(tree.problem.id))
    if not 0 <= number < len(found):
        raise RunError(f"the tree has no trace {number}", f"it has {counted(len(found), 'trace')}")
    arm, row = found[number]
    yield Text(one_line(f"{row.id} of {arm}"), "bold")
    for place, segment in enumerate(row.segments, 1):
        yield from _segment(place, segment, tree, to)
    yield Text(f"answer: {'none' if row.answer is None else one_line(row.answer)}")


def _segment(place: int, segment: Segment, tree: SearchTree, to: Console) -> Iterator[Text]:
    known = 0 <= segment.node < len(tree.nodes)
    node = tree.nodes[segment.node] if known else None
    style = _STYLES.get(segment.kind, "")
    words = {
        SegmentKind.STEP: f"node {segment.node}",
        SegmentKind.REFLECTION: f"reflection on node {segment.node}",
        SegmentKind.BACKTRACK: f"back to node {segment.node}"
        if segment.node
        else "back to the beginning",
    }
    ended = _verdict(node.verdict) if node and node.terminal else Text()
    yield Text.assemble((f"{place} ", "dim"), (words[segment.kind], f"bold {style}"), " ", ended)
    shown = Text(plain(head_and_tail(segment.text, "the traces")).strip("\n"), style)
    for line in shown.wrap(to, max(to.width - 2, 1), overflow="fold"):
        line.rstrip()
        yield Text.assemble("  ", line)


def _failures(folder: RunFolder) -> Iterator[Text]:
    failed = list(read_lines(folder.failures, _Failure)) if folder.failures.exists() else []
    yield Text(f"{len(failed):,} problems failed", "bold")
    for failure in failed:
        yield Text(one_line(f"  {failure.task}: {failure.reason}"))
    if folder.trees.exists():
        unsolved = [problem_id for problem_id, right in _listed(folder) if not right]
        yield Text(f"{len(unsolved):,} trees without a right answer", "bold")
        yield from (_tree_line(problem_id, False) for problem_id in unsolved)


def _samples(folder: RunFolder, model: str) -> Path:
    """The file of a model's responses. Raises `RunError`."""
    models = reading.models(folder)
    if model not in models:
        known = ", ".join(models) or "none"
        raise RunError(f"{folder.root} has no responses of {model!r:.80}", f"it has: {known}")
    return folder.samples(model)


def _problems(folder: RunFolder, model: str) -> Iterator[Text]:
    path = _samples(folder, model)
    yield Text("right of samples, greedy, problem; --problem ID shows the responses", "dim")
    for row in read_lines(path, EvaluatedProblem):
        right = sum(sample.verdict.correct for sample in row.samples)
        greedy = _verdict(row.greedy[0].verdict) if row.greedy else Text("none")
        counts = f"{right:>3} of {len(row.samples):<3} "
        yield Text.assemble(counts, greedy, "  ", one_line(row.problem.id))


def _responses(
    folder: RunFolder, model: str, wanted: str, to: Console, *, all_rows: bool
) -> Iterator[RenderableType]:
    path = _samples(folder, model)
    measured = read_line(path, _place(path, wanted, "responses"), EvaluatedProblem)
    steps = step_format_of(reading.run_config(folder), Registry.discover())
    yield from _head(measured.problem)
    numbered = [("greedy", sample) for sample in measured.greedy]
    numbered += [(f"sample {n}", sample) for n, sample in enumerate(measured.samples)]
    for name, sample in numbered:
        yield Text()
        yield Text.assemble((f"{name}, ", "bold"), _verdict(sample.verdict))
        rows = graph_rows(parts(sample.text, steps), to, all_rows=all_rows)
        yield from elided(rows, all_rows=all_rows)
