"""The trees of a search as events, while it goes on."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from small_runs import small_config

import astro
from astro.cli.panel import TreePanel
from astro.cli.progress import PlainProgress
from astro.config.loading import parse_config
from astro.errors import RunError
from astro.events import Event, TreeGrown
from astro.plugins.registry import Registry
from astro.runs import growing
from astro.runs.growing import TreeEvents, newest_path
from astro.types import Node, Problem, SearchTree, Status, Step, Verdict


def test_each_event_has_the_tree_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "_PAUSE", 0.0)
    monkeypatch.setattr(growing, "_SHARE", float("inf"))
    seen: dict[str, list[int]] = {}

    def listen(event: Event) -> None:
        if isinstance(event, TreeGrown):
            seen.setdefault(event.problem, []).append(len(event.tree().nodes))

    registry = Registry.discover()
    config = parse_config(small_config(tmp_path, executor={"name": "local"}), registry)
    astro.run(config, runs=tmp_path, registry=registry, on_event=listen)
    sizes = {tree.problem.id: len(tree.nodes) for tree in astro.read_trees(tmp_path / "small")}
    assert seen
    for problem_id, grown in seen.items():
        assert grown == sorted(grown)
        assert grown[-1] <= sizes[problem_id]
    assert max(len(grown) for grown in seen.values()) > 1


def test_events_take_a_hundredth_of_the_time_and_stay_with_one_tree() -> None:
    now, told, ended = [0.0], list[tuple[float, str]](), set[str]()

    def listen(event: Any) -> None:
        told.append((now[0], event.problem))
        now[0] += 0.05  # as long as drawing takes

    journal: Any = SimpleNamespace(outcome=lambda key: key in ended)
    tasks: Any = [SimpleNamespace(key=f"search/{name}") for name in "ab"]
    events = TreeEvents("search", tasks, 0, journal, listen, clock=lambda: now[0])
    while now[0] < 20.0:
        events(["linearize/a", "search/b", "search/a"])
        now[0] += 0.1
    assert {name for _, name in told} == {"b"}
    assert len(told) == 4
    now[0] += 5
    events(["search/a"])
    assert len(told) == 4, "the search of b goes on"
    ended.add("search/b")
    events(["search/a"])
    assert told[-1][1] == "a"


def tree() -> SearchTree:
    nodes = [
        Node(0, None, Step(""), 0, children=[1, 2]),
        Node(1, 0, Step("one\n"), 1, visit_count=2, q_value=0.5),
        Node(2, 0, Step("\x1b[31m[red] two\n"), 1, visit_count=3, q_value=0.25, children=[3]),
        Node(3, 2, Step("3\n"), 2, terminal=True, verdict=Verdict(Status.CORRECT, "3")),
    ]
    return SearchTree(Problem("set/1", "?", "3"), nodes)


def drawn(panel: TreePanel, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(panel)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def no_tree() -> SearchTree:
    raise RunError("it has no result yet")


def test_the_panel_shows_the_way_to_the_newest_node() -> None:
    panel = TreePanel()
    assert drawn(panel, 80) == []
    panel.show(TreeGrown("search", "set/1", tree))
    panel.show(TreeGrown("search", "set/2", no_tree))
    assert drawn(panel, 80) == [
        "set/1: 4 nodes, depth 2, 1 ends, 1 right",
        " N 3 Q 0.25 of 2 ␛[31m[red] two",
        "  N 0 Q 0.00 of 1 correct: 3",
    ]
    assert all(len(line) <= 20 for line in drawn(panel, 20))
    panel.clear()
    assert drawn(panel, 80) == []


def test_a_log_has_no_trees() -> None:
    lines: list[str] = []
    for verbosity in (-1, 0, 1):
        PlainProgress(lines.append, verbosity=verbosity)(TreeGrown("search", "set/1", no_tree))
    assert lines == []


def test_ends_without_verdicts_are_not_called_wrong() -> None:
    root, end = Node(0, None, Step(""), 0, children=[1]), Node(1, 0, Step("4\n"), 1, terminal=True)
    head, *_ = newest_path("q", SearchTree(Problem("q", "2+2?", ""), [root, end]))
    assert head == "q: 2 nodes, depth 1, 1 ends"
