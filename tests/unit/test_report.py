"""The sample responses of a report."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from astro.config.loading import load_config, with_defaults
from astro.engine.sampling import Sample
from astro.files import write_lines
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder
from astro.runs.scoring import EvaluatedProblem
from astro.runs.stages.report import _config, _first
from astro.types import FinishReason, Problem, Status, Verdict
from astro_countdown.step_format import CountdownFormat

QUICKSTART = Path(__file__).parents[2] / "configs/quickstart.yaml"
PROBLEM = Problem("a", "use 3 5 8 to make 16", "16", {"numbers": [3, 5, 8], "target": 16})
WALK = "3 + 5 = 8 left 8 8\n8 + 8 = 16 left 16\nanswer 16\n"


def test_a_correct_sample_with_an_illegal_line_says_so(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    run: Any = SimpleNamespace(folder=folder, evaluated=lambda: ["base", "sft"])
    for text, status in (
        (WALK, "correct"),
        (f"3 + 5 = 9 left 9 8\nback to 3 5 8\n{WALK}", "correct, with an illegal line"),
    ):
        sample = Sample(text, (), (), FinishReason.STOP, Verdict(Status.CORRECT, "16"))
        write_lines(folder.samples("base"), [EvaluatedProblem(PROBLEM, [sample], [])])
        found = _first(run, "base", CountdownFormat(), backtracked=False)
        assert found is not None
        assert found.status == status


def test_the_config_of_a_report_is_complete_and_tells_defaults_apart() -> None:
    registry = Registry.discover()
    config = load_config(QUICKSTART, ["search.params.max_depth=9"], registry)
    own, defaults = (
        yaml.safe_load("\n".join(line[4:] for line in block.splitlines()))
        for block in "\n".join(_config(config, registry))
        .partition("## Config\n")[2]
        .split("\nAll other values are defaults:\n")
    )
    assert own["search"] == {"name": "mcts", "params": own["search"]["params"]}
    assert own["search"]["params"] == {"max_depth": 9, "step_tokens": 16, "iterations": 16}
    assert "budget" not in own
    assert "max_depth" not in defaults["search"]["params"]
    assert defaults["search"]["params"]["selection"]["name"] == "puct"
    complete = with_defaults(config, registry).model_dump(mode="json")
    assert merged(own, defaults) == complete


def merged(own: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = {key: merged(own[key], other[key]) for key in own.keys() & other.keys()}
    return {**own, **other, **both}
