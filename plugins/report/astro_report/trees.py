"""The documents of search trees, in which each segment of a trace names its node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct

from astro.files import read_lines
from astro.runs.folder import RunFolder
from astro.runs.trees import check_tree
from astro.types import Problem, SearchTree, Segment, Verdict
from astro_report.chunks import Chunks
from astro_report.documents import (
    SegmentEntry,
    TraceEntry,
    TreeDocument,
    TreeList,
    VerdictEntry,
    readable,
)
from astro_report.reading import TraceIndex, TraceRow

PROMPT_CHARS = 200
"""The length of the beginning of a problem in a list."""


def tree_document(
    tree: SearchTree,
    number: int,
    traces: Iterable[tuple[str, TraceRow]] = (),
    *,
    finished: bool = True,
) -> TreeDocument:
    """The document of a tree and of its traces, each of which is given with its arm."""
    nodes, problem = tree.nodes, tree.problem
    numbers: dict[Verdict, int] = {}
    for node in nodes:
        if node.verdict is not None:
            numbers.setdefault(node.verdict, len(numbers))
    texts = [node.step.text for node in nodes]
    return TreeDocument(
        number=number,
        id=problem.id,
        prompt=problem.prompt,
        answer=problem.answer,
        metadata=readable(problem.metadata),
        ended=tree.ended,
        parent=[-1 if node.parent is None else node.parent for node in nodes],
        text=texts,
        tokens=[len(node.step.token_ids) for node in nodes],
        prior=[node.prior for node in nodes],
        visits=[node.visit_count for node in nodes],
        q=[node.q_value for node in nodes],
        value=[node.value for node in nodes],
        logprob=[node.step.logprob for node in nodes],
        terminal=[node.terminal for node in nodes],
        verdict=[-1 if node.verdict is None else numbers[node.verdict] for node in nodes],
        verdicts=[verdict_entry(verdict) for verdict in numbers],
        traces=[_trace(arm, row, texts) for arm, row in traces],
        finished=finished,
    )


def verdict_entry(verdict: Verdict) -> VerdictEntry:
    """A verdict as the page reads it."""
    return VerdictEntry(verdict.status.value, verdict.answer, verdict.reason)


def _trace(arm: str, row: TraceRow, texts: list[str]) -> TraceEntry:
    segments = [_segment(segment, texts) for segment in row.segments]
    return TraceEntry(row.id, arm, segments, row.answer, row.rewritten)


def _segment(segment: Segment, texts: list[str]) -> SegmentEntry:
    node = segment.node
    same = 0 <= node < len(texts) and texts[node] == segment.text
    return SegmentEntry(node, segment.kind.value, segment.train, None if same else segment.text)


class _ListedStep(Struct, gc=False):
    token_ids: list[int] = []


class _ListedVerdict(Struct, gc=False):
    status: str


class _ListedNode(Struct, gc=False):
    depth: int
    step: _ListedStep
    terminal: bool = False
    verdict: _ListedVerdict | None = None


class ListedTree(Struct):
    """A row of trees.jsonl without what the list of trees does not show.

    Reading only this takes half as long as reading whole trees. Whether their nodes are linked as
    they should be is checked where a tree is shown.
    """

    problem: Problem
    nodes: list[_ListedNode]
    ended: str = "finished"


def add_to_list(trees: TreeList, tree: SearchTree | ListedTree, traces: int, chunk: int) -> None:
    """Add a tree to the list of trees. `traces` is their number; `chunk` is where the tree is."""
    nodes = tree.nodes
    tokens = sum([len(node.step.token_ids) for node in nodes])
    verdicts = [node.verdict for node in nodes if node.terminal]
    ends = Counter([str(verdict.status) if verdict else "none" for verdict in verdicts])
    trees.id.append(tree.problem.id)
    trees.prompt.append(tree.problem.prompt[:PROMPT_CHARS])
    trees.size.append(len(nodes))
    trees.depth.append(max([node.depth for node in nodes], default=0))
    trees.tokens.append(tokens or None)
    trees.ended.append(tree.ended)
    trees.verdicts.append(dict(ends))
    trees.traces.append(traces)
    trees.metadata.append(readable(tree.problem.metadata))
    trees.chunk.append(chunk)


def read_trees(folder: RunFolder) -> Iterator[SearchTree]:
    """The trees of a run in the order of its file; none if it has no such file.

    Raises:
        RunError: A line is damaged.
    """
    if folder.trees.exists():
        for tree in read_lines(folder.trees, SearchTree):
            yield check_tree(tree, folder.trees)


def tree_documents(folder: RunFolder, chunks: Chunks) -> TreeList:
    """Write the chunks of all trees, and return the list of trees. The file is read once."""
    listed, index = TreeList(), TraceIndex(folder)
    for number, tree in enumerate(read_trees(folder)):
        document = tree_document(tree, number, index.of(tree.problem.id))
        add_to_list(listed, tree, len(document.traces), chunks.add(document))
    chunks.close()
    return listed
