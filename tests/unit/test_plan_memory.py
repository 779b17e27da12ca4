"""The memory that `astro plan` foresees, with plugins that say it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from click.testing import CliRunner
from pydantic import Field

from astro.cli import main
from astro.config.loading import parse_config
from astro.config.run import RunConfig
from astro.errors import AstroError
from astro.planning import memory
from astro.planning.assumptions import Assumptions
from astro.planning.memory import Forecast, PeakMemory, StageMemory, Workload, together
from astro.plugins.params import ModelParams, Params
from astro.plugins.registry import Registry

GIB = 2**30
QUICKSTART = str(Path(__file__).parents[2] / "configs" / "quickstart.yaml")
CONFIG: dict[str, Any] = {
    "name": "c",
    "problems": {"name": "countdown"},
    "policy": {"name": "transformers", "params": {"model": "m"}},
    "verifier": {"name": "countdown"},
    "search": {"name": "mcts", "params": {"step_tokens": 20}},
    "value": {"name": "rollout", "params": {"max_tokens": 100}},
    "linearizer": {"name": "backtrack", "params": {"shares": {1: 1, 3: 1}}},
    "sft": {"name": "transformers"},
    "evaluate": {"max_tokens": 40},
}


class Trainer(Params):
    """A trainer that takes `rows` times `GIB`, and may take fewer rows."""

    rows: Annotated[int, Field(ge=1)] = 4

    def lighter(self) -> Iterator[dict[str, Any]]:
        yield {"rows": 3}
        yield {"rows": 1}


def sampling(_params: ModelParams, work: Workload) -> PeakMemory:
    """A byte per token."""
    return PeakMemory("cpu", {"process": 7, "weights": 10}, {"logits": work.response}, 1000)


def training(params: Trainer, work: Workload) -> PeakMemory:
    if params.rows == 13:
        raise AstroError("its config.json is a poem")
    what = f"{work.prompt} + {work.response}"
    return PeakMemory("cpu", {"process": 5}, {"activations": params.rows * GIB}, 2 * GIB, what)


class Stub(Registry):
    """The real plugins; where they have memory, with the params and the functions above."""

    def params(self, kind: str, name: str, params: Any) -> Any:
        known = {"policy": ModelParams, "sft": Trainer, "rl": Trainer}
        return known[kind](**params) if kind in known else super().params(kind, name, params)

    def memory(self, kind: str, name: str) -> Any:  # noqa: ARG002
        return sampling if kind == "policy" else training


@pytest.fixture(autouse=True)
def on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "on_disk", lambda name: Path(name) if name == "m" else None)


def foreseen(**changes: Any) -> tuple[dict[str, StageMemory], list[str]]:
    registry = Stub(Registry.discover().entries)
    config: RunConfig = parse_config({**CONFIG, **changes}, registry)
    forecast = Forecast(registry)
    found = forecast.stages(config, Assumptions(prompt_tokens=30))
    return {stage.stage: stage for stage in found}, forecast.notes


def test_each_stage_has_the_longest_sequences_there_can_be() -> None:
    """A path has at most 100 tokens, and a trace joins three in the mean."""
    stages, notes = foreseen()
    assert list(stages) == ["search", "sft", "evaluate"]
    assert stages["search"].peak.passing == {"logits": 100}
    assert stages["evaluate"].peak.passing == {"logits": 40}
    assert stages["sft"].peak.what == "30 + 300"
    assert not notes


def test_changes_are_added_until_it_fits() -> None:
    sft = foreseen()[0]["sft"]
    assert not sft.peak.fits
    assert sft.change == {"sft.params.rows": 1}
    assert sft.changed is not None and sft.changed.fits
    assert sft.line.endswith("    does not fit; with sft.params.rows: 1 it takes 1")
    assert sft.line.startswith("sft: 4 of 2 GiB (cpu): 4 activations, ")


def test_what_cannot_be_foreseen_is_one_line() -> None:
    stages, notes = foreseen(policy={"name": "transformers", "params": {"model": "absent"}})
    assert not stages
    assert notes == [
        f"left out of the memory: {key}: the config.json of 'absent' is not on this machine"
        for key in ("policy transformers", "sft transformers")
    ]


def test_a_config_that_cannot_be_read_is_one_line_too() -> None:
    stages, notes = foreseen(sft={"name": "transformers", "params": {"rows": 13}})
    assert list(stages) == ["search", "evaluate"]
    assert notes == ["left out of the memory: sft transformers: its config.json is a poem"]


def test_parts_of_one_process_share_its_code_and_compute_by_turns() -> None:
    trainer = PeakMemory("cpu", {"process": 5, "weights": 4}, {"gradients": 9}, 100, "x")
    policy = PeakMemory("cpu", {"process": 7, "weights": 2}, {"logits": 3})
    elsewhere = PeakMemory("cuda", {"process": 50, "weights": 50}, {"logits": 50})
    found = together([trainer, policy, elsewhere])
    assert found.kept == {"process": 7, "weights": 6}
    assert found.passing == {"gradients": 9}
    assert (found.total, found.what, found.fits) == (22, "x", True)


def test_the_plan_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    arguments = ["plan", QUICKSTART, "--set", "trees=9", "--test", "9"]
    lines = CliRunner().invoke(main, arguments).stdout.partition("memory, at most at once\n")[2]
    rows = {line.split(":")[0].strip() for line in lines.splitlines()}
    assert {f"quickstart, {s}" for s in ("search", "sft", "rl", "evaluate")} <= rows
    found = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)["memory"]
    sft = next(stage for stage in found["stages"] if stage["stage"] == "sft")
    assert sft["fits"] and sft["peak"]["kept"]["weights"] == pytest.approx(4 * 581_000, rel=0.01)
    assert not found["notes"]
