"""Stages of a run: ordered by their needs, added by plugins, and paired in the events."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from small_runs import small_config

import astro
from astro.config.loading import parse_config
from astro.config.run import Evaluate, RunConfig
from astro.config.stages import AnyStage, evaluated_models, run_stages, stages_until
from astro.errors import ConfigError, RunError
from astro.events import Event, Notice, StageFinished, StageStarted
from astro.plugins.registry import Registry

Distribution = Callable[[str, str], None]

LENGTHS = """
import json
from dataclasses import dataclass
from typing import Any

from astro.plugins.hookspecs import Provider, hookimpl
from astro.plugins.params import Params as BaseParams

class Params(BaseParams):
    needs: tuple[str, ...] = ("linearize",)
    trains: tuple[str, ...] = ()
    unit: str = "characters"

@dataclass(frozen=True)
class Lengths:
    params: Params
    name: str
    config: Any

    @property
    def needs(self):
        return self.params.needs

    @property
    def models(self):
        return self.params.trains

    def outputs(self, folder):
        return [folder / f"{self.name}.json"]

    def run(self, run):
        with run.started(self.name, 1, self.params.unit):
            rows = [json.loads(line) for line in run.folder.traces("sft").open()]
            lengths = [len(row["messages"][1]["content"]) for row in rows]
            (run.folder.root / f"{self.name}.json").write_text(json.dumps(lengths))

@hookimpl
def astro_providers():
    return [Provider("stage", "lengths", "lengths of the traces",
                     target="guest:Lengths", params="guest:Params")]
"""


@pytest.fixture
def guest(distribution: Distribution) -> None:
    """Installs a plugin with a stage `lengths`."""
    distribution("guest", LENGTHS)


def raw(folder: Path, **keys: Any) -> dict[str, Any]:
    return small_config(folder, **{"evaluate": {"samples": 2, "max_tokens": 32}, **keys})


def parsed(folder: Path, **keys: Any) -> RunConfig:
    return parse_config(raw(folder, **keys), Registry.discover())


def names(config: RunConfig) -> list[str]:
    """The stages of a run, without those that plugins add to every run."""
    registry = Registry.discover()
    added = registry.automatic_stages()
    return [stage.name for stage in run_stages(config, registry) if stage.name not in added]


# --- which stages there are, in which order --------------------------------------------------


def test_the_built_in_stages_are_registered_as_any_are(tmp_path: Path) -> None:
    assert names(parsed(tmp_path)) == ["search", "linearize", "evaluate", "report"]
    stages = [e for e in Registry.discover().entries if e.provider.kind == "stage"]
    found = [entry for entry in stages if not entry.provider.automatic]
    assert {e.distribution for e in found} == {"astro-reasoner"}


@pytest.mark.usefixtures("guest")
@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ([], ["search", "linearize", "a", "evaluate", "report"]),
        (["linearize"], ["search", "linearize", "a", "evaluate", "report"]),
        (["evaluate"], ["search", "linearize", "evaluate", "a", "report"]),
        (["report", "search"], ["search", "linearize", "evaluate", "report", "a"]),
    ],
)
def test_a_stage_comes_after_those_that_it_needs(
    tmp_path: Path, needs: list[str], expected: list[str]
) -> None:
    added = {"a": {"name": "lengths", "params": {"needs": needs}}}
    assert names(parsed(tmp_path, stages=added)) == expected


@pytest.mark.usefixtures("guest")
@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ({"a": ["linearise"]}, "stages.a: needs 'linearise', which is no stage of this config"),
        ({"a": ["linearise"]}, "did you mean linearize?"),
        ({"a": ["b"], "b": ["a"]}, "stages: a, b have needs that are circular"),
        ({"a": ["rl"]}, "stages.a: needs 'rl', which is no stage of this config"),
    ],
)
def test_needs_that_cannot_be_met_are_one_line(
    tmp_path: Path, stages: dict[str, list[str]], expected: str
) -> None:
    added = {
        name: {"name": "lengths", "params": {"needs": needs}} for name, needs in stages.items()
    }
    with pytest.raises(ConfigError) as caught:
        parsed(tmp_path, stages=added)
    (problem,) = caught.value.problems
    assert expected in problem


@pytest.mark.usefixtures("guest")
def test_params_of_a_stage_are_checked_with_their_path(tmp_path: Path) -> None:
    added = {"a": {"name": "lengths", "params": {"unit": 3}}, "b": {"name": "length"}}
    with pytest.raises(ConfigError) as caught:
        parsed(tmp_path, stages=added)
    assert [line.partition(":")[0] for line in caught.value.problems] == [
        "stages.a.params.unit",
        "stages.b.name",
    ]


# --- models ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fake:
    """A stage that trains."""

    name: str
    models: Sequence[str] = ()
    needs: Sequence[str] = ()

    def outputs(self, folder: Path) -> list[Path]:
        return [folder / self.name]

    def run(self, run: object) -> None:
        raise NotImplementedError


CHAIN: list[AnyStage] = [
    Fake("search"),
    Fake("sft", ("direct_sft", "sft")),
    Fake("distil", ("student",)),
    Fake("evaluate"),
    Fake("later", ("grandchild",), ("evaluate",)),
]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (["base", "trained"], ["base", "direct_sft", "sft", "student"]),
        (["base", "direct_sft", "sft", "rl"], ["base", "direct_sft", "sft", "student"]),
        (["direct_sft", "sft", "rl"], ["direct_sft", "sft", "student"]),
        (["rl", "student", "base"], ["base", "student"]),
        ([], []),
    ],
)
def test_the_models_of_a_run_are_those_that_its_stages_train(
    tmp_path: Path, asked: list[str], expected: list[str]
) -> None:
    evaluate = Evaluate.model_validate({"models": asked})
    config = parsed(tmp_path).model_copy(update={"evaluate": evaluate})
    assert evaluated_models(config, CHAIN) == expected


@pytest.mark.usefixtures("guest")
def test_a_model_that_no_stage_trains_is_one_line(tmp_path: Path) -> None:
    added = {"a": {"name": "lengths", "params": {"trains": ["student"]}}}
    evaluate = {"models": ["base", "studnet", "rl"]}
    with pytest.raises(ConfigError, match="no stage trains 'studnet'; did you mean student") as e:
        parsed(tmp_path, stages=added, evaluate=evaluate)
    assert len(e.value.problems) == 1


@pytest.mark.usefixtures("guest")
def test_two_stages_cannot_train_one_model(tmp_path: Path) -> None:
    added = {name: {"name": "lengths", "params": {"trains": ["student"]}} for name in "ab"}
    with pytest.raises(ConfigError, match="the name of model 'student' is taken"):
        parsed(tmp_path, stages=added)


# --- running them ----------------------------------------------------------------------------


@pytest.mark.usefixtures("guest")
def test_a_run_with_a_stage_of_a_plugin(tmp_path: Path) -> None:
    config = parsed(tmp_path, stages={"sizes": {"name": "lengths"}})
    events: list[Event] = []
    result = astro.run(config, runs=tmp_path / "runs", on_event=events.append)
    rows = map(json.loads, (result.folder / "traces.jsonl").read_text().splitlines())
    lengths = [len(row["messages"][1]["content"]) for row in rows]
    assert json.loads((result.folder / "sizes.json").read_text()) == lengths
    assert len(lengths) == 3
    assert (result.folder / "report.md").exists()
    astro.run(config, runs=tmp_path / "runs", on_event=events.append)
    assert StageFinished("sizes", 0.0, skipped=True) in events


@pytest.mark.usefixtures("guest")
def test_until_and_stages_choose_among_those_of_the_config(tmp_path: Path) -> None:
    config = parsed(tmp_path, stages={"sizes": {"name": "lengths"}})
    folder = astro.run(config, runs=tmp_path / "runs", until="sizes").folder
    assert (folder / "sizes.json").exists()
    assert not (folder / "eval").exists()
    astro.run(config, runs=tmp_path / "runs", stages=["evaluate"])
    assert (folder / "eval" / "scores.json").exists()
    assert not (folder / "report.md").exists()
    with pytest.raises(ConfigError, match=r"expected some of search, .*, got 'lunch'"):
        astro.run(config, runs=tmp_path / "runs", stages=["lunch"])


def test_a_stage_alone_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="stage linearize needs search; run them first"):
        astro.run(parsed(tmp_path), runs=tmp_path / "runs", stages=["linearize"])


@pytest.mark.parametrize(("last", "expected"), [("rl", "sft"), ("sft", "sft"), (None, "later")])
def test_until_a_built_in_stage_that_the_run_leaves_out(last: str | None, expected: str) -> None:
    assert stages_until(CHAIN, last)[-1].name == expected


def test_whatever_starts_finishes(tmp_path: Path) -> None:
    events: list[Event] = []
    astro.run(parsed(tmp_path), runs=tmp_path / "runs", on_event=events.append)
    under_way: list[str] = []
    for event in events:
        if isinstance(event, StageStarted):
            under_way.append(event.stage)
        if isinstance(event, StageFinished):
            assert event.stage == under_way.pop()
            assert event.seconds >= 0
    assert not under_way
    started = [event.stage for event in events if isinstance(event, StageStarted)]
    assert started[:5] == ["search", "linearize", "evaluate", "evaluate/base", "report"]


def test_trees_whose_first_steps_were_all_cut_off_are_said(tmp_path: Path) -> None:
    search = {"name": "mcts", "params": {"expand": 2, "iterations": 4, "step_tokens": 1}}
    policy = {"name": "scripted", "params": {"lines": ["a long step\n"]}}
    events: list[Event] = []
    config = parsed(tmp_path, search=search, policy=policy, max_failed=1.0)
    astro.run(config, runs=tmp_path / "runs", on_event=events.append, until="search")
    said = [event.text for event in events if isinstance(event, Notice)]
    assert any(
        text.startswith("3 of 3 trees have no step, because the token limit cut off every")
        for text in said
    )
