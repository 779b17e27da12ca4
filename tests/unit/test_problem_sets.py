"""Held-out sets: read by name, kept out of training, measured one by one and in parts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import astro
from astro.config.loading import load_config, parse_config
from astro.data import problem_sets
from astro.data.decontamination import contaminated
from astro.errors import ConfigError, ProblemError
from astro.events import Event, Notice
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry

Write = Callable[..., dict[str, Any]]
CONFIG = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
LONG = "a tank of 40 litres is filled at 3 litres a minute and leaks at 1"


@pytest.fixture
def binding(tmp_path: Path) -> Write:
    """A `jsonl` source of rows for a split, by the name of its file."""

    def write(name: str, rows: list[dict[str, Any]], split: str = "test") -> dict[str, Any]:
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return {"name": "jsonl", "params": {split: str(path)}}

    return write


def row(name: str, prompt: str, answer: str = "1", **metadata: Any) -> dict[str, Any]:
    return {"id": name, "prompt": prompt, "answer": answer, **metadata}


def run(
    folder: Path, problems: dict[str, Any], until: str | None = None, **keys: Any
) -> tuple[Path, list[Event]]:
    raw = {
        "name": "small",
        "problems": problems,
        "policy": {"name": "scripted", "params": {"answers": ["the answer is 1\n"]}},
        "verifier": {"name": "exact"},
        "search": {"name": "mcts", "params": {"expand": 1, "iterations": 1}},
        "value": {"name": "rollout", "params": {"rollouts": 1, "max_tokens": 32}},
        "linearizer": {"name": "direct"},
        **keys,
    }
    events: list[Event] = []
    config = parse_config(raw, Registry.discover())
    astro.run(config, runs=folder / "runs", until=until, on_event=events.append)
    return folder / "runs" / "small", events


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


TRAIN = [
    row("same", "What is $1 + 0$?"),
    row("long", f"Now {LONG}, when is it full?"),
    row("other", "What is 2 - 1?"),
]


def test_what_is_held_out_is_not_searched_and_the_run_says_so(
    tmp_path: Path, binding: Write
) -> None:
    sets = {
        "short": binding("short", [row("s", "what is $1+0$")]),
        "long": binding("long", [row("l", f"Once {LONG}: when is it empty?")]),
    }
    evaluate = {"sets": sets, "models": ["base"], "samples": 1, "max_tokens": 32}
    folder, events = run(tmp_path, binding("train", TRAIN, "train"), evaluate=evaluate)
    assert [tree["problem"]["id"] for tree in lines(folder / "trees.jsonl")] == ["other"]
    found = json.loads((folder / "decontamination.json").read_text())
    assert found["training"] == 3
    assert found["compared"] == {"short": 1, "long": 1}
    assert [(hit["id"], hit["evaluation_set"]) for hit in found["dropped"]] == [
        ("same", "short"),
        ("long", "long"),
    ]
    assert found["dropped"][1]["shared"] in LONG
    line = "decontamination: 2 of 3 training problems left out: 1 in short (1), 1 in long (1)"
    assert line in [event.text for event in events if isinstance(event, Notice)]
    assert line in (folder / "report.md").read_text()


def test_it_can_be_switched_off(tmp_path: Path, binding: Write) -> None:
    evaluate = {"sets": {"short": binding("short", TRAIN[:1])}, "models": []}
    problems = binding("train", TRAIN, "train")
    folder, _ = run(tmp_path, problems, "search", evaluate=evaluate, decontaminate=False)
    assert len(lines(folder / "trees.jsonl")) == 3
    assert not (folder / "decontamination.json").exists()


def test_nothing_left_to_train_on_is_one_clear_error(tmp_path: Path, binding: Write) -> None:
    evaluate = {"sets": {"all": binding("all", [*TRAIN, row("more", "What is 5?")])}}
    message = (
        r"3 of 3 training .* 3 in all \(4\); choose other problems, or set decontaminate: false"
    )
    with pytest.raises(ProblemError, match=message):
        run(tmp_path, binding("train", TRAIN, "train"), evaluate=evaluate)


@pytest.mark.parametrize(
    ("test", "why"),
    [(None, "no file for the test problems"), (TRAIN, "it holds the training problems them")],
)
def test_own_held_out_problems_that_cannot_be_compared_are_told(
    tmp_path: Path, binding: Write, test: Any, why: str
) -> None:
    problems = binding("train", TRAIN, "train")
    if test:
        problems["params"]["test"] = problems["params"]["train"]
    folder, _ = run(tmp_path, problems, "search")
    assert len(lines(folder / "trees.jsonl")) == 3
    found = json.loads((folder / "decontamination.json").read_text())
    assert why in found["compared"]["test"]


def test_a_set_of_the_training_problems_themselves_is_not_compared(
    tmp_path: Path, binding: Write
) -> None:
    problems = binding("train", TRAIN, "train")
    evaluate = {"sets": {"seen": {**problems, "split": "train"}}, "models": []}
    folder, _ = run(tmp_path, problems, "search", evaluate=evaluate)
    assert len(lines(folder / "trees.jsonl")) == 3


def test_problems_that_fail_are_told_with_the_scores(tmp_path: Path, binding: Write) -> None:
    policy = {"name": "scripted", "params": {"answers": ["1\n"], "fail_on": ["is 5"]}}
    sets = {"exam": binding("exam", [row("a", "What is 7?"), row("b", "What is 5?")])}
    evaluate = {"sets": sets, "models": ["base"], "samples": 1, "max_tokens": 32}
    problems = binding("train", TRAIN, "train")
    folder, _ = run(tmp_path, problems, policy=policy, evaluate=evaluate, max_failed=0.5)
    (scores,) = json.loads((folder / "eval" / "scores.json").read_text())["models"].values()
    assert scores["failed"]["value"] == 0.5
    assert "| failed |" in (folder / "report.md").read_text()


def test_what_is_to_be_evaluated_is_read_before_the_search(tmp_path: Path, binding: Write) -> None:
    problems = binding("train", TRAIN, "train")
    with pytest.raises(ProblemError, match="no file for the test problems"):
        run(tmp_path, problems)
    assert not (tmp_path / "runs" / "small" / "trees.jsonl").exists()


def test_a_stage_that_the_config_lacks_still_ends_the_run(tmp_path: Path, binding: Write) -> None:
    folder, _ = run(tmp_path, binding("train", TRAIN, "train"), "rl")
    assert (folder / "traces.jsonl").exists()
    assert not (folder / "eval").exists()


def test_a_named_set_that_cannot_be_read_ends_the_run(tmp_path: Path, binding: Write) -> None:
    evaluate = {"sets": {"exam": {"name": "jsonl", "params": {"test": "absent.jsonl"}}}}
    with pytest.raises(ProblemError, match=r"absent\.jsonl: cannot read"):
        run(tmp_path, binding("train", TRAIN, "train"), evaluate=evaluate)


def test_problems_made_by_rule_may_say_the_same_words() -> None:
    """All leg counting is asked in the same words, and only the animals differ."""
    tasks = {"tasks": {"leg_counting": {}}, "train": 8, "test": 4}
    config = load_config(CONFIG, ["step_format.name=lines", "verifier.name=exact"])
    config = config.model_copy(update={"problems": Binding(name="reasoning_gym", params=tasks)})
    loader = problem_sets.ProblemLoader(Registry.discover(), config.verifier)
    kept, found = problem_sets.training(config, loader)
    assert len(kept) == 8
    assert found and found.compared == {"test": 4}
    held = {"test": problem_sets.held_out(config, loader)[0].problems}
    assert contaminated(kept, held)


MATHS = [
    row("a", "p1?", level=1, subject="algebra"),
    row("b", "p2?", "2", level=1, subject="geometry"),
    row("c", "p3?", level=2, subject="algebra", note=["no", "part"]),
]


def test_each_set_is_measured_by_itself_and_in_parts(tmp_path: Path, binding: Write) -> None:
    """The policy always answers 1, so the problems with another answer come out wrong."""
    evaluate = {
        "sets": {
            "maths": binding("maths", MATHS) | {"samples": 3},
            "exam": binding("exam", [row("a", "p4?", "2"), row("d", "p5?")]),
        },
        "by": ["level", "subject", "note"],
        "models": ["base"],
        "samples": 2,
        "max_tokens": 32,
    }
    folder, _ = run(tmp_path, binding("train", TRAIN, "train"), evaluate=evaluate)
    samples = lines(folder / "eval" / "base.jsonl")
    assert [(m["evaluation_set"], m["problem"]["id"], len(m["samples"])) for m in samples] == [
        *(("maths", name, 3) for name in "abc"),
        *(("exam", name, 2) for name in "ad"),
    ]
    scores = json.loads((folder / "eval" / "scores.json").read_text())
    parts = {
        (g["evaluation_set"], g["key"], g["value"]): (g["problems"], g["models"]["base"])
        for g in scores["groups"]
    }
    values = {place: (n, base["pass@1"]["value"]) for place, (n, base) in parts.items()}
    assert values == {
        ("exam", "", ""): (2, 0.5),
        ("maths", "", ""): (3, pytest.approx(2 / 3)),
        ("maths", "level", "1"): (2, 0.5),
        ("maths", "level", "2"): (1, 1.0),
        ("maths", "subject", "algebra"): (2, 1.0),
        ("maths", "subject", "geometry"): (1, 0.0),
    }
    assert {"maj@3", "pass@3"} <= parts["maths", "", ""][1].keys()
    assert {"maj@2", "pass@2"} <= parts["exam", "", ""][1].keys()
    half = parts["exam", "", ""][1]["pass@1"]
    assert (half["low"], half["high"]) == (0.0, 1.0)
    assert scores["models"]["base"]["pass@1"]["value"] == pytest.approx(3 / 5)
    report = (folder / "report.md").read_text()
    assert "## maths by level\n" in report
    assert "| 2 (1), scripted | 100.0% (20.7% to 100.0%) |" in report


def test_one_set_of_the_run_itself_is_measured_in_parts_too(tmp_path: Path, binding: Write) -> None:
    problems = binding("maths", MATHS)
    problems["params"] |= binding("train", TRAIN, "train")["params"]
    evaluate = {"models": ["base"], "samples": 1, "max_tokens": 32}
    folder, _ = run(tmp_path, problems, evaluate=evaluate)
    groups = json.loads((folder / "eval" / "scores.json").read_text())["groups"]
    places = [(g["evaluation_set"], g["key"], g["value"]) for g in groups]
    assert places[:2] == [("test", "level", "1"), ("test", "level", "2")]


def test_a_value_cannot_break_out_of_its_table(tmp_path: Path, binding: Write) -> None:
    rows = [
        row("a", "p1?", level="1 | 2\n# 3"),
        row("b", "p2?", level="<script>alert('a_b')</script> & _**[x](y)`"),
    ]
    evaluate = {"sets": {"s": binding("s", rows)}, "models": ["base"], "samples": 1}
    folder, _ = run(tmp_path, binding("train", TRAIN, "train"), evaluate=evaluate)
    report = (folder / "report.md").read_text()
    assert r"| 1 \| 2 # 3 (1), scripted |" in report
    safe = r"&lt;script&gt;alert('a_b')&lt;/script&gt; &amp; \_\*\*\[x\](y)\` (1), scripted |"
    assert f"| {safe}" in report


@pytest.mark.parametrize(
    ("evaluate", "expected"),
    [
        ({"sets": {"a b": {"name": "jsonl"}}}, "evaluate.sets.a b"),
        ({"sets": {"a": {"name": "jsnol"}}}, "evaluate.sets.a.name: .*jsonl"),
        ({"sets": {"a": {"name": "jsonl", "params": {}}}}, r"evaluate\.sets\.a\.params"),
        ({"sets": {"a": {"name": "jsonl", "samples": 0}}}, "samples: "),
    ],
)
def test_sets_are_checked_with_the_config(
    tmp_path: Path, binding: Write, evaluate: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        run(tmp_path, binding("train", TRAIN, "train"), evaluate=evaluate)
