"""Tables of a run's search: what was solved, how trees grew, and what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from astro.files import read_json
from astro.runs.folder import RunFolder
from astro.runs.tables import ABSENT, Table
from astro.types import Status
from astro_report.documents import TreeList

_Usage = dict[str, dict[str, float]]


def search_tables(trees: TreeList, usage: _Usage) -> Iterator[Table]:
    """The tables of a search; none of a run without trees."""
    if not trees.id:
        return
    solved = [is_solved(verdicts) for verdicts in trees.verdicts]
    yield _summary(trees, solved)
    yield _histogram("Trees by size", "nodes", trees.size, solved)
    yield _histogram("Trees by depth", "greatest depth", trees.depth, solved)
    yield _ends(trees)
    yield from _spent(usage)


def is_solved(verdicts: Mapping[str, int]) -> bool | None:
    """Whether a tree has a right end, given the counts of its ends by verdict.

    None if it has ends and none of them has a verdict, as in a search without a verifier.
    """
    if verdicts.get(Status.CORRECT):
        return True
    return None if set(verdicts) == {"none"} else False


def usage_of(folder: RunFolder) -> _Usage:
    """The counters of each stage; none if the run has not kept any.

    Raises:
        RunError: The file is damaged.
    """
    return read_json(folder.usage, _Usage) if folder.usage.exists() else {}


def _summary(trees: TreeList, solved: Sequence[bool | None]) -> Table:
    n, nodes = len(trees.id), sum(trees.size)
    known = [tokens for tokens in trees.tokens if tokens is not None]
    tokens = f"{sum(known):,} in {len(known):,} trees" if known else "not recorded"
    rows = [
        ["trees", f"{n:,}"],
        ["solved", _share(solved)],
        ["nodes", f"{nodes:,}, {nodes / n:,.1f} per tree"],
        ["tokens of the nodes", tokens],
        ["traces", f"{sum(trees.traces):,}"],
        *([f"ended: {why or 'not said'}", f"{k:,}"] for why, k in Counter(trees.ended).items()),
    ]
    return Table("Trees", ["", ""], rows)


def _share(solved: Sequence[bool | None]) -> str:
    """The number of solved trees of those with a verdict, and how many have none."""
    read = [right for right in solved if right is not None]
    if not read:
        return "no tree has a verdict"
    unread = f"; {len(solved) - len(read):,} without a verdict" if len(read) < len(solved) else ""
    return f"{sum(read):,} of {len(read):,}, {_percent(sum(read), len(read))} %{unread}"


def _histogram(
    title: str, head: str, values: Sequence[int], solved: Sequence[bool | None]
) -> Table:
    """The numbers of trees and of solved ones by value, in bins that double in width."""
    bins: dict[int, list[bool | None]] = {}
    for value, right in zip(values, solved, strict=True):
        bins.setdefault(value.bit_length(), []).append(right)
    rows = []
    for bits, found in sorted(bins.items()):
        read = [right for right in found if right is not None]
        share = _percent(sum(read), len(read))
        rows.append([_bin(bits), f"{len(found):,}", f"{sum(read):,}" if read else ABSENT, share])
    return Table(title, [head, "trees", "solved", "solved in %"], rows)


def _bin(bits: int) -> str:
    if bits < 2:
        return str(bits)
    return f"{1 << (bits - 1):,} to {(1 << bits) - 1:,}"


def _ends(trees: TreeList) -> Table:
    """The verdicts of terminal nodes, each class apart, those without a verdict too."""
    counts = Counter[str]()
    for verdicts in trees.verdicts:
        counts.update(verdicts)
    total = counts.total()
    classes = [*(status.value for status in Status), "none"]
    rows = [
        [name.replace("_", " "), f"{counts[name]:,}", _percent(counts[name], total)]
        for name in classes
        if counts[name]
    ]
    note = f"Of the {total:,} terminal nodes of all trees; none: without a verdict."
    return Table("Verdicts of terminal nodes", ["", "nodes", "%"], rows, note)


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f}" if whole else ABSENT


def _spent(usage: _Usage) -> Iterator[Table]:
    """The counters of each stage, with the share of prompt tokens that the policy had cached."""
    names = list(dict.fromkeys(name for counters in usage.values() for name in counters))
    if not names:
        return
    rows = [
        [stage, *(_count(counters.get(name)) for name in names), _cached(counters)]
        for stage, counters in usage.items()
    ]
    columns = ["", *(name.replace("_", " ") for name in names), "prompt tokens from the cache in %"]
    yield Table("Spent", columns, rows, "Counters of usage.json, summed over all sessions.")


def _cached(counters: dict[str, float]) -> str:
    return _percent(counters.get("cached_prompt_tokens", 0), counters.get("prompt_tokens", 0))


def _count(value: float | None) -> str:
    return ABSENT if value is None else f"{value:,.10g}"
