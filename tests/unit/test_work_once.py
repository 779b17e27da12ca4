"""A run builds each of its parts once, loads each split once and reads each file once a stage."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import astro
import astro.files
from astro.plugins.binding import Binding
from astro.plugins.manager import Plugins
from astro.plugins.registry import Registry
from astro.runs.stages import linearize

CONFIG: dict[str, Any] = {
    "name": "small",
    "problems": {"name": "jsonl"},
    "policy": {"name": "scripted", "params": {"answers": ["the answer is 1\n"]}},
    "verifier": {"name": "exact"},
    "search": {"name": "mcts", "params": {"expand": 2, "iterations": 2}},
    "linearizer": {"name": "direct"},
    "evaluate": {"models": ["base"], "samples": 2, "max_tokens": 32},
}
TREES = 3


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts parts built, splits loaded and files read, in this process."""
    found: Counter[str] = Counter()

    def counting(owner: Any, name: str, key: Callable[..., str]) -> None:
        original = getattr(owner, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            found[key(*args)] += 1
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, counted)

    from astro.builtin.jsonl import JsonlProblems

    counting(Plugins, "__init__", lambda *_: "registry")
    counting(Registry, "build", lambda _self, kind, _binding: kind)
    counting(JsonlProblems, "load", lambda _self, split: split)
    counting(astro.files, "index_lines", lambda path, _row: path.name)
    counting(linearize, "index_lines", lambda path, _row: f"index of {path.name}")
    counting(linearize, "read_line", lambda path, *_: f"a line of {path.name}")
    return found


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    def write(**keys: Any) -> Path:
        files = {}
        for split in ("train", "test"):
            path = tmp_path / f"{split}.jsonl"
            rows = (
                {"id": f"{split}/{i}", "prompt": f"{split} {i}?", "answer": "1"}
                for i in range(TREES)
            )
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
            files[split] = str(path)
        problems = {"name": "jsonl", "params": files}
        path = tmp_path / "small.yaml"
        path.write_text(yaml.safe_dump({**CONFIG, "problems": problems, **keys}))
        return path

    return write


def test_a_base_only_run_builds_and_reads_once(
    counts: Counter[str], config: Callable[..., Path], tmp_path: Path
) -> None:
    astro.load(config()).run(runs=tmp_path / "runs")
    once = ("registry", "problems", "step_format", "search", "value", "train", "test")
    assert {name: counts[name] for name in once} == dict.fromkeys(once, 1)
    assert counts["base.jsonl"] == 3  # by `evaluate`, by `report`, and by `html`


def test_a_control_reads_no_tree_again(
    counts: Counter[str], config: Callable[..., Path], tmp_path: Path
) -> None:
    path = config(control={"name": "backtrack"})
    astro.load(path).run(runs=tmp_path / "runs", until="linearize")
    assert counts["index of trees.jsonl"] == 1
    assert counts["a line of trees.jsonl"] == TREES


def test_the_registry_that_is_given_is_the_one_that_works(
    config: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The executor and the pool of verifiers build their parts by it too."""
    registry = Registry.discover()
    loaded = astro.load(config(), registry=registry)
    monkeypatch.setattr(Registry, "discover", lambda: Registry([]))
    built: list[str] = []
    original = registry.build

    def build(kind: str, binding: Binding, **collaborators: Any) -> Any:
        built.append(kind)
        return original(kind, binding, **collaborators)

    monkeypatch.setattr(registry, "build", build)
    assert isinstance(loaded, astro.Run)
    loaded.run(runs=tmp_path / "runs", until="search")
    assert {"executor", "policy", "verifier", "problems"} <= {*built}
