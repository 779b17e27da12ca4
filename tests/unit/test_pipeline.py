"""Runs whose problems, policy or files are not as they should be, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_runs import PROBLEMS, small_config

import astro
from astro.config.loading import parse_config
from astro.engine.tasks import Outcome
from astro.errors import AstroError, ConfigError, PluginError, ProblemError, RunError
from astro.events import StageProgress
from astro.files import read_json
from astro.plugins.registry import Registry
from astro.runs.context import _Progress

Distribution = Callable[[str, str], None]


def run(folder: Path, config: dict[str, Any]) -> astro.RunResult:
    return astro.run(parse_config(config, Registry.discover()), runs=folder / "runs")


def test_a_run_scores_and_reports(tmp_path: Path) -> None:
    result = run(tmp_path, small_config(tmp_path))
    assert result.scores["base"]["pass@1"].value == 1.0
    assert len((result.folder / "traces.jsonl").read_text().splitlines()) == 3


def test_a_budget_binds_the_search_alone(tmp_path: Path) -> None:
    result = run(tmp_path, small_config(tmp_path, budget={"requests": 1}))
    trees = (result.folder / "trees.jsonl").read_text().splitlines()
    assert [json.loads(tree)["ended"] for tree in trees] == ["budget"] * 3
    assert result.scores["base"]["pass@1"].value == 1.0


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("problems", "expected"),
    [
        ([], "have no problem in test"),
        ([{**PROBLEMS[0], "prompt": "\ud800"}], "'set/0' cannot be stored: .*surrogates"),
        ([{**PROBLEMS[0], "metadata": nested(101)}], "'set/0' cannot be stored: .*nested over 100"),
        ([{**PROBLEMS[0], "metadata": nested(800)}], "'set/0' cannot be stored: .*nested over 100"),
    ],
)
def test_problems_that_cannot_be_searched(
    tmp_path: Path, problems: list[dict[str, Any]], expected: str
) -> None:
    with pytest.raises(ProblemError, match=expected):
        run(tmp_path, small_config(tmp_path, problems))


def test_two_problems_of_one_id(tmp_path: Path, distribution: Distribution) -> None:
    distribution(
        "twins",
        "from astro.plugins.hookspecs import Provider, hookimpl\n"
        "from astro.types import Problem\n"
        "class Twins:\n"
        "    def __init__(self, params): pass\n"
        "    def load(self, split): return [Problem('t', 'one?', '1'), Problem('t', 'two?', '2')]\n"
        "@hookimpl\n"
        "def astro_providers():\n"
        "    return [Provider('problems', 'twins', 't', target='twins:Twins')]\n",
    )
    with pytest.raises(ProblemError, match="2 of the test problems have the id 't'"):
        run(tmp_path, {**small_config(tmp_path), "problems": {"name": "twins"}})


def test_a_policy_that_cannot_be_built_is_asked_once(
    tmp_path: Path, distribution: Distribution
) -> None:
    distribution(
        "stuck",
        "from astro.plugins.hookspecs import Provider, hookimpl\n"
        "class Stuck:\n"
        "    built = 0\n"
        "    def __init__(self, params):\n"
        "        Stuck.built += 1\n"
        "        raise OSError(f'no room for copy {Stuck.built}')\n"
        "@hookimpl\n"
        "def astro_providers():\n"
        "    return [Provider('policy', 'stuck', 's', target='stuck:Stuck')]\n",
    )
    config = small_config(tmp_path, policy={"name": "stuck"}, max_failed=1)
    with pytest.raises(PluginError, match=r"'stuck' of stuck 1\.0 cannot be built: .* copy 1"):
        run(tmp_path, config)


def test_a_policy_that_cannot_be_trained_is_a_config_error(tmp_path: Path) -> None:
    config = small_config(tmp_path, sft={"name": "transformers"})
    with pytest.raises(ConfigError, match="scripted has no param model"):
        parse_config(config, Registry.discover())


def test_failed_problems_are_named_by_their_whole_id(tmp_path: Path) -> None:
    params = {"answers": ["the answer is 1\n"], "fail_on": ["is 1"]}
    config = small_config(tmp_path, policy={"name": "scripted", "params": params}, max_failed=1)
    events: list[Any] = []
    parsed = parse_config(config, Registry.discover())
    astro.run(parsed, runs=tmp_path / "runs", until="search", on_event=events.append)
    assert [e.problem_id for e in events if hasattr(e, "problem_id")] == ["set/1"]


@pytest.mark.parametrize("content", ["{}", "\x00", '{"models": {"base": 3}}'])
def test_scores_that_cannot_be_read_are_one_clear_error(tmp_path: Path, content: str) -> None:
    folder = run(tmp_path, small_config(tmp_path)).folder
    (folder / "manifest.json").unlink()
    (folder / "eval" / "scores.json").write_text(content)
    with pytest.raises(RunError, match=r"scores\.json: "):
        run(tmp_path, small_config(tmp_path))


@pytest.mark.parametrize("content", ["seed: 2024-13-45", "\x00", "[" * 5000])
def test_a_damaged_config_of_a_run_is_one_clear_error(tmp_path: Path, content: str) -> None:
    folder = run(tmp_path, small_config(tmp_path)).folder
    (folder / "config.yaml").write_text(content)
    with pytest.raises(AstroError, match="another config"):
        run(tmp_path, small_config(tmp_path))


def test_no_escape_code_of_a_model_reaches_the_report(tmp_path: Path) -> None:
    params = {"answers": ["\x1b[2J the answer is 1\n"]}
    config = small_config(tmp_path, policy={"name": "scripted", "params": params})
    report = (run(tmp_path, config).folder / "report.md").read_text()
    assert "[2J the answer is 1" in report
    assert "\x1b" not in report


def test_what_the_policy_counted_is_kept_by_stage(tmp_path: Path) -> None:
    fields: list[dict[str, float]] = []

    def listen(event: Any) -> None:
        fields.append(dict(getattr(event, "fields", {})))

    config = parse_config(small_config(tmp_path), Registry.discover())
    result = astro.run(config, runs=tmp_path / "runs", on_event=listen)
    usage = read_json(result.folder / "usage.json", dict[str, Any])
    assert set(usage) == {"search", "evaluate/base"}
    assert usage["search"]["generated_tokens"] > 0
    assert any("tokens/s" in shown for shown in fields)


def test_what_plugins_mark_as_operational_may_change_in_a_run_that_began(
    tmp_path: Path, distribution: Distribution
) -> None:
    distribution(
        "served",
        "from typing import Annotated\n"
        "from astro.builtin.scripted import ScriptedParams, ScriptedPolicy\n"
        "from astro.plugins.hookspecs import Provider, hookimpl\n"
        "from astro.plugins.params import OPERATIONAL, Params\n"
        "class Client(Params):\n"
        "    timeout: Annotated[float, OPERATIONAL] = 1.0\n"
        "    top_k: int = 0\n"
        "class ServedParams(ScriptedParams):\n"
        "    base_url: Annotated[str | None, OPERATIONAL] = None\n"
        "    client: Client = Client()\n"
        "@hookimpl\n"
        "def astro_providers():\n"
        "    target = 'astro.builtin.scripted:ScriptedPolicy'\n"
        "    return [Provider('policy', 'served', 's', target, params='served:ServedParams')]\n",
    )
    answers = {"answers": ["the answer is 1\n"]}

    def served(**params: Any) -> dict[str, Any]:
        return small_config(tmp_path, policy={"name": "served", "params": answers | params})

    folder = run(tmp_path, served(base_url="http://a/v1")).folder
    (folder / "report.md").unlink()
    run(tmp_path, served(base_url="http://b/v1", client={"timeout": 9}))
    assert "timeout: 9" in (folder / "config.yaml").read_text()
    with pytest.raises(RunError, match=r"changed: policy\.params\.client\.top_k\)"):
        run(tmp_path, served(client={"top_k": 3}))


def test_progress_counts_backtracks_per_trace_and_traces_per_tree() -> None:
    seen: list[StageProgress] = []
    per = {"backtracks": "traces"}
    progress = _Progress("linearize", 3, 0, seen.append, dict, per)
    for traces, backtracks in ((0, 0), (1, 1), (3, 6)):
        fields = {"traces": traces, "backtracks": backtracks}
        progress.advance(Outcome("linearize/p", result=None), fields)
    assert [dict(event.fields) for event in seen] == [
        {"traces": 0, "backtracks": 0},
        {"traces": 0.5, "backtracks": 1},
        {"traces": 4 / 3, "backtracks": 7 / 4},
    ]
