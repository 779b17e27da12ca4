"""Pages of the report with trees and responses made by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from astro_report.chunks import embedded, json_bytes
from astro_report.documents import ModelHead, RunDocument, TreeDocument, TreeList, VerdictEntry
from astro_report.page import Content, render

NodeSpec = tuple[int, str, str | None]
"""The parent, the step, and the class of the verdict of a node."""


def tree_of(
    number: int,
    nodes: Sequence[NodeSpec],
    *,
    id: str | None = None,
    prompt: str = "the problem",
    traces: Sequence[Any] = (),
    metadata: Mapping[str, Any] | None = None,
) -> TreeDocument:
    """A tree of these nodes below its root."""
    statuses = sorted({status for _, _, status in nodes if status})
    count = len(nodes) + 1
    return TreeDocument(
        number=number,
        id=f"tree-{number}" if id is None else id,
        prompt=prompt,
        answer="7",
        metadata=dict(metadata or {}),
        ended="finished",
        parent=[-1, *(parent for parent, _, _ in nodes)],
        text=["", *(text for _, text, _ in nodes)],
        tokens=[0] * count,
        prior=[1.0] + [0.25] * (count - 1),
        visits=list(range(count, 0, -1)),
        q=[0.5] * count,
        value=[0.5] * count,
        logprob=[-1.5] * count,
        terminal=[False, *(status is not None for _, _, status in nodes)],
        verdict=[-1, *(statuses.index(status) if status else -1 for _, _, status in nodes)],
        verdicts=[VerdictEntry(status, "7", f"it is {status}") for status in statuses],
        traces=list(traces),
    )


def list_of(trees: Sequence[TreeDocument]) -> TreeList:
    """The list of these trees, which are one chunk."""
    found = TreeList()
    for tree in trees:
        counts: dict[str, int] = {}
        for index in tree.verdict:
            if index >= 0:
                status = tree.verdicts[index].status
                counts[status] = counts.get(status, 0) + 1
        found.id.append(tree.id)
        found.prompt.append(tree.prompt[:200])
        found.size.append(len(tree.parent))
        found.depth.append(1)
        found.tokens.append(None)
        found.ended.append(tree.ended)
        found.verdicts.append(counts)
        found.traces.append(len(tree.traces))
        found.metadata.append(tree.metadata)
        found.chunk.append(0)
    return found


def page_of(trees: Sequence[TreeDocument] = (), **documents: Any) -> str:
    """A page of these trees and of other documents by name."""
    models = [ModelHead(name, name) for name in documents.pop("models", ())]
    run = RunDocument(
        "sample",
        arms=[ModelHead("sft", "backtracking")],
        models=models,
        search=bool(trees),
        training="training" in documents,
    )
    found: dict[str, Any] = {"run": run, **documents}
    if trees:
        found |= {"trees": list_of(trees), "trees/0": list(trees)}
    return render(
        Content(run),
        [embedded(name, json_bytes(document)) for name, document in found.items()],
    )
