"""`prompt` of a config: one value for search, SFT, RL and evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import astro
from astro.config.loading import parse_config
from astro.config.run import RunConfig
from astro.config.yaml import read_config
from astro.errors import ConfigError, RunError
from astro.plugins.registry import Registry
from astro.runs.context import scratch
from astro.runs.folder import RunFolder
from astro.runs.manifest import Manifest

CONFIG = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
PROMPT = {"style": "chat", "system": "be brief", "template_kwargs": {"think": False}}
NOTER = """
import json
from datetime import datetime
from pathlib import Path
from astro.builtin.scripted import Line, LineWriter
from astro.interfaces import TrainResult
from astro.plugins.binding import DEFAULT_PROMPT, Prompting
from astro.plugins.hookspecs import Provider, hookimpl
from astro.plugins.params import ModelParams

class Params(ModelParams):
    prompt: Prompting = DEFAULT_PROMPT

@hookimpl
def astro_providers():
    return [Provider(kind, "noter", "notes its prompt", f"noter:{kind.title()}", params)
            for kind, params in (("policy", "noter:Params"), ("sft", ""), ("rl", ""))]

def note(who, prompt):
    with Path("noted.jsonl").open("a") as file:
        file.write(json.dumps([who, prompt.model_dump()]) + "\\n")

def Policy(params):
    note(f"policy {Path(params.model).parent.name}", params.prompt)
    return LineWriter(lambda user, response, draw: None if response else Line("answer is 1\\n"))

class Sft:
    def __init__(self, params, **_):
        pass
    def train(self, job, on_step):
        note(type(self).__name__, job.prompt)
        model = job.run_dir / "model"
        model.mkdir(parents=True)
        return TrainResult(model, {"tokens": 1.0})

class Rl(Sft):
    def train(self, job, on_step):
        note("policy of rl", type(job.prompt).model_validate(job.policy.params["prompt"]))
        return super().train(job, on_step)
"""


def raw(**changes: Any) -> dict[str, Any]:
    return {**read_config(CONFIG), **changes}


def parsed(**changes: Any) -> RunConfig:
    return parse_config(raw(**changes), Registry.discover())


def problems(**changes: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parsed(**changes)
    return list(caught.value.problems)


def test_every_stage_and_trainer_is_given_the_one_prompt(
    tmp_path: Path, distribution: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution("noter", NOTER)
    monkeypatch.chdir(tmp_path)
    rows = [{"id": f"p{i}", "prompt": f"question {i}", "answer": "1"} for i in range(3)]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    files = dict.fromkeys(("train", "test"), "rows.jsonl")
    config = {
        "name": "noted",
        "problems": {"name": "jsonl", "params": files},
        "decontaminate": False,
        "policy": {"name": "noter", "params": {"model": "start/model"}},
        "prompt": PROMPT,
        "verifier": {"name": "exact"},
        "search": {"name": "mcts", "params": {"iterations": 1}},
        "linearizer": {"name": "direct"},
        "sft": {"name": "noter"},
        "rl": {"name": "noter"},
        "evaluate": {"samples": 1},
    }
    astro.run(parse_config(config, Registry.discover()), runs=tmp_path)
    noted = [json.loads(line) for line in Path("noted.jsonl").read_text().splitlines()]
    assert [who for who, _ in noted] == [
        *("policy start", "Sft", "policy of rl", "Rl"),
        *("policy start", "policy sft", "policy rl"),
    ]
    times = {prompt["now"] for _, prompt in noted}
    assert len(times) == 1 and datetime.fromisoformat(times.pop()) <= datetime.now()
    assert all(PROMPT.items() <= prompt.items() for _, prompt in noted)


def test_stages_have_system_messages_of_their_own(tmp_path: Path) -> None:
    systems = {"search": "explore", "linearize": "rewrite"}
    config = parsed(prompt={"system": "be brief", "stage_systems": systems})
    with scratch(config, RunFolder(tmp_path), Registry.discover()) as run:
        for stage, system in {**systems, "evaluate": "be brief"}.items():
            assert run.policy("base", stage).params["prompt"]["system"] == system
        for model in ("sft", "rl"):
            assert run.policy(model, "search").params["prompt"]["system"] == "be brief"
        assert run.prompt().system == "be brief" and run.prompt().stage_systems == {}
    assert not (tmp_path / "manifest.json").exists()


def test_a_run_that_is_resumed_keeps_its_time(tmp_path: Path) -> None:
    began = Manifest(tmp_path).time(record=True)
    manifest = Manifest(tmp_path)
    manifest.check()
    assert manifest.time(record=False) == began
    content = json.loads(manifest.path.read_text())
    manifest.path.write_text(json.dumps({**content, "time": "2020-01-01T00:00:00"}))
    with pytest.raises(RunError, match="is damaged"):
        manifest.check()


def test_the_default_prompt_leaves_a_policys_params_alone() -> None:
    config = parsed()
    registry = Registry.discover()
    assert registry.with_prompt(config.policy, config.prompt) == config.policy
    shown = parsed(prompt={"style": "auto", "system": None, "template_kwargs": {}})
    assert registry.with_prompt(shown.policy, shown.prompt) == config.policy


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"prompt": {"style": "chatty"}}, "prompt.style: "),
        ({"prompt": {"sistem": "x"}}, "prompt.sistem: unknown key; did you mean system?"),
        (
            {"prompt": {"system": "x"}, "policy": {"name": "countdown_walker"}, "sft": None},
            "prompt: policy countdown_walker writes no prompts",
        ),
        (
            {"policy": {"name": "transformers", "params": {"model": "m", "prompt": {}}}},
            "policy.params.prompt: set the config's key prompt, which all stages use",
        ),
    ],
)
def test_what_cannot_be_is_one_line(changes: dict[str, Any], problem: str) -> None:
    found = problems(**changes)
    assert any(line.startswith(problem) for line in found), found
