"""Rehearsals: what stands in for what, how small it gets, and what the model is taught."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from rich.console import Console

from astro.builtin.lines import LinesFormat, LinesParams
from astro.cli import main
from astro.cli.rehearsal import _seams, report
from astro.config.loading import UNUSED, load_config, parse_config
from astro.config.run import RunConfig
from astro.errors import MissingEngineError
from astro.experiments.loading import load
from astro.planning.cost import RequestCost, StageCost
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.params import Params
from astro.plugins.registry import Registry
from astro.rehearsal.lessons import first_problems, own_problems, write_lessons, write_problems
from astro.rehearsal.machine import answers, has_model
from astro.rehearsal.materials import Materials
from astro.rehearsal.prepare import Prepared, prepare
from astro.rehearsal.rehearsable import Machine, RehearsalScale
from astro.rehearsal.rehearse import RehearsalResult, rehearse
from astro.runs.runner import Run
from astro.testing.budgets import budget_faults

CONFIGS = Path(__file__).parents[2] / "configs"
PAPER = CONFIGS / "paper-llama3-70b.yaml"
BARE = Machine(False, *[lambda _: False] * 3, version=lambda _: "")
FULL = Machine(True, *[lambda _: True] * 3, version=lambda _: "")
MATERIALS = Materials(Path("given"), why="cannot read")


def everything() -> Registry:
    return Registry.discover().as_if_installed()


def paper(overrides: Sequence[str] = ()) -> RunConfig:
    return load_config(PAPER, overrides, everything())


def prepared(machine: Machine, overrides: Sequence[str] = ()) -> Prepared:
    return prepare(paper(overrides), everything(), machine, MATERIALS)


def replaced(found: Prepared) -> dict[str, str]:
    return {seam.key: seam.ran for seam in found.seams if seam.why}


def test_a_bare_machine_gets_stand_ins_for_what_it_lacks() -> None:
    found = prepared(BARE)
    assert replaced(found) == {
        "problems": "3 of our own",
        "policy": "transformers, random-llama, taught",
        "sft": "transformers",
        "rl": "grpo, paper",
    }
    assert found.teacher and found.teacher.model == "random-llama"
    assert found.config.policy.params["model"] == str(Path("given/taught/model"))
    assert parse_config(found.config.model_dump(mode="json"), Registry.discover())


def test_what_is_there_is_kept() -> None:
    found = prepare(paper(), everything(), FULL, replace(MATERIALS, why=""))
    assert replaced(found) == {}
    assert found.teacher is None
    names = (found.config.policy.name, found.config.executor.name, found.config.rl.name)  # type: ignore[union-attr]
    assert names == ("vllm", "ray", "openrlhf_grpo")
    assert found.config.policy.params["model"] == "meta-llama/Llama-3.1-70B-Instruct"


@pytest.mark.parametrize("machine", [BARE, FULL])
def test_every_budget_shrinks(machine: Machine) -> None:
    found = prepared(machine)
    config = found.config
    assert config.trees == 3
    assert config.evaluate.max_tokens == 160
    assert config.search.params["iterations"] == 6
    assert config.executor.params["address"] == "local"
    assert config.executor.params["num_gpus"] == int(machine.gpu)
    assert found.budgets["search.params.iterations"] == (32, 6)
    assert config.rl is not None
    params = everything().params("rl", config.rl.name, config.rl.params)
    assert (params.steps, params.prompts_per_step, params.group_size) == (2, 2, 4)


def test_evaluation_sets_become_files_of_their_own() -> None:
    sets = {"math500": "", "amc23": "offline", "aime24": ""}
    found = prepare(paper(), everything(), FULL, Materials(Path("given"), ("train",), "", sets))
    evaluated = found.config.evaluate.sets
    assert evaluated["amc23"].params == {"test": str(Path("given/set-amc23.jsonl"))}
    assert [seam.ran for seam in found.seams[-3:]] == [
        "the first 3",
        "3 of our own",
        "the first 3",
    ]
    assert found.seams[-2].named == "huggingface, amc23"


def test_small_budgets_stay_as_they_are() -> None:
    found = prepared(BARE, ["search.params.iterations=2", "evaluate.samples=1"])
    assert found.config.search.params["iterations"] == 2
    assert "search.params.iterations" not in found.budgets
    assert found.config.evaluate.samples == 1


def test_ppo_is_stood_in_for_by_ppo_and_shared_params_stay() -> None:
    rl = {"name": "openrlhf_ppo", "params": {"steps": 1, "gamma": 0.5, "nodes": 1}}
    raw = {**paper().model_dump(mode="json"), "rl": rl}
    found = prepare(parse_config(raw, everything()), everything(), BARE, MATERIALS)
    assert found.config.rl is not None
    assert found.config.rl.name == "ppo"
    assert found.config.rl.params["gamma"] == 0.5
    assert found.config.rl.params["steps"] == 1
    assert "nodes" not in found.config.rl.params


def test_any_judgement_approves_but_is_asked_for() -> None:
    params = prepared(BARE).config.linearizer.params
    assert params["self_evaluation"] == {"samples": 2, "approval": ""}


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("Qwen/Qwen2.5-1.5B-Instruct", "random-qwen2"),
        ("mistralai/Mistral-7B-v0.3", "random-mistral"),
        ("openai-community/gpt2", "random-gpt2"),
        ("somebody/else", "random-llama"),
    ],
)
def test_the_random_model_is_of_the_family_of_the_model(model: str, family: str) -> None:
    teacher = prepared(BARE, [f"policy.params.model={model}"]).teacher
    assert teacher and teacher.model == family


def test_a_server_that_answers_is_asked() -> None:
    config = load_config(CONFIGS / "server.yaml", (), everything())
    there = replace(BARE, server=lambda url: url == "http://localhost:8000/v1")
    assert prepare(config, everything(), there, MATERIALS).config.policy.name == "openai"
    gone = prepare(config, everything(), BARE, MATERIALS)
    assert gone.config.policy.name == "transformers"
    assert "nothing answers at http://localhost:8000/v1" in gone.seams[2].why


WITHOUT = """
from astro.plugins.hookspecs import Provider, hookimpl

@hookimpl
def astro_providers():
    return [
        Provider("search", "mine", "", target="none:Mine", requires=("nowhere",), install="ask me"),
        Provider("verifier", "mine", "", target="none:Mine", requires=("nowhere",)),
    ]
"""


def test_what_nothing_stands_in_for_is_one_line(distribution: Any) -> None:
    distribution("without", WITHOUT)
    config = paper().model_copy(update={"search": Binding(name="mine")})
    with pytest.raises(MissingEngineError, match="search 'mine' needs nowhere; ask me"):
        prepare(config, Registry.discover(), FULL, MATERIALS)
    verifier = VerifierBinding(name="mine", timeout=7.0, workers=3)
    own = paper().model_copy(update={"verifier": verifier, "policy": Binding(name="scripted")})
    found = prepare(own, Registry.discover(), BARE, MATERIALS)
    assert found.config.verifier == VerifierBinding(name="exact", timeout=7.0, workers=1)


ENGINE = """
from typing import Annotated

from pydantic import Field

from astro.builtin.scripted import ScriptedParams, ScriptedPolicy
from astro.plugins.hookspecs import Provider, hookimpl
from astro.plugins.params import ModelParams

class EngineParams(ModelParams):
    replicas: Annotated[int, Field(ge=1)] = 8

    def missing_here(self, machine):
        return "" if machine.program("launcher") else "there is no launcher"

    def rehearsed(self, scale):
        return {"replicas": 1}

class SmallParams(ScriptedParams):
    replicas: int = 8

    def rehearsed(self, scale):
        return {"replicas": 2}

@hookimpl
def astro_providers():
    return [
        Provider("policy", "engine", "", target="engine:Engine", params="engine:EngineParams",
                 stand_in="small_engine"),
        Provider("policy", "gpu_engine", "", target="engine:Engine", params="engine:EngineParams",
                 stand_in="small_engine", needs_gpu=True),
        Provider("policy", "small_engine", "", target="engine:ScriptedPolicy",
                 params="engine:SmallParams"),
    ]
"""


def test_an_engine_of_a_third_party_is_rehearsed_as_it_says(distribution: Any) -> None:
    distribution("engine", ENGINE)
    policy = Binding(name="engine", params={"model": "some/model", "replicas": 5})
    config = paper(["rl=null", "sft=null"]).model_copy(update={"policy": policy})
    kept = prepare(config, everything(), FULL, MATERIALS).config.policy
    assert kept == policy.with_params(replicas=1)
    found = prepare(config, everything(), BARE, MATERIALS)
    assert found.config.policy == Binding(name="small_engine", params={"replicas": 2})
    assert replaced(found)["policy"] == "small_engine"
    assert found.budgets["policy.params.replicas"] == (5, 2)
    assert next(seam for seam in found.seams if seam.key == "policy").why == "there is no launcher"
    launcher = replace(BARE, program=lambda name: name == "launcher")
    taught = prepare(config, everything(), launcher, MATERIALS)
    assert taught.config.policy.params == {"model": str(MATERIALS.model), "replicas": 1}
    assert taught.teacher and taught.teacher.model == "random-llama"
    on_gpu = config.model_copy(update={"policy": policy.model_copy(update={"name": "gpu_engine"})})
    no_gpu = prepare(on_gpu, everything(), replace(FULL, gpu=False), MATERIALS)
    assert [seam.why for seam in no_gpu.seams if seam.key == "policy"] == ["there is no GPU here"]


def test_a_third_party_s_stand_in_runs(distribution: Any, tmp_path: Path) -> None:
    distribution("engine", ENGINE)
    keys = {"policy": {"name": "engine", "params": {"model": "some/model"}}, "trees": 2}
    config = parse_config(
        {
            **yaml.safe_load((CONFIGS / "quickstart.yaml").read_text()),
            **keys,
            "sft": None,
            "rl": None,
            "control": None,
        },
        everything(),
    )
    loaded = Run(config, everything())
    done = rehearse(loaded, runs=tmp_path, until="search", machine=BARE)
    (arm,) = done.arms.values()
    assert arm.config.policy.name == "small_engine"
    (trees,) = done.folder.rglob("trees.jsonl")
    assert len(trees.read_text().splitlines()) == 3


STAGE = """
from astro.plugins.hookspecs import Provider, hookimpl
from astro.plugins.params import Params

class CountParams(Params):
    repeats: int = 100

    def rehearsed(self, scale):
        return {"repeats": scale.problems}

class Count:
    needs, models = ("search",), ()

    def __init__(self, params, *, name, config):
        self.name = name

    def outputs(self, folder):
        return ()

    def run(self, run):
        pass

@hookimpl
def astro_providers():
    return [Provider("stage", "count", "", target="count_stage:Count",
                     params="count_stage:CountParams")]
"""


def test_a_stage_of_a_third_party_is_scaled_down(distribution: Any) -> None:
    distribution("count_stage", STAGE)
    raw = {**paper().model_dump(mode="json"), "stages": {"tally": {"name": "count"}}}
    found = prepare(parse_config(raw, everything()), everything(), FULL, MATERIALS)
    assert found.config.stages["tally"].params == {"repeats": 3}
    assert found.budgets["stages.tally.params.repeats"] == (100, 3)
    shown = [seam.key for seam in _seams(RehearsalResult(Path(), {"a": found}), None)]
    assert shown.index("rl") < shown.index("stages.tally") < shown.index("evaluate.sets.math500")


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_params_cost_no_more_in_a_rehearsal(path: Path) -> None:
    for run in load(path, (), everything()).configs():
        for key, kind, binding in run.bindings():
            if binding.name != UNUSED:
                assert not budget_faults(kind, binding), key


class Growing(Params):
    samples: int = 4

    def cost(self) -> StageCost:
        return StageCost((RequestCost("samples", 1, self.samples, 16),))

    def rehearsed(self, scale: RehearsalScale) -> dict[str, int]:
        return {"samples": self.samples + scale.problems}


def test_a_rehearsal_that_grows_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Registry, "params", lambda *args: Growing(**args[3]))
    faults = budget_faults("search", Binding(name="growing"))
    assert any("twice" in fault for fault in faults)
    assert any("costs more" in fault for fault in faults)


def test_models_are_found_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert has_model("tiny-countdown")
    assert not has_model("some/model")
    assert not has_model(str(tmp_path))
    snapshot = tmp_path / "models--some--model" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    assert has_model("some/model")
    assert has_model(str(snapshot))


def test_a_server_answers_or_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        assert answers(url)
    assert not answers(url)


def test_the_first_problems_of_the_source_or_our_own() -> None:
    own = Binding(name="countdown", params={"train": 9, "test": 2})
    found, why = first_problems(Registry.discover(), own, ("train", "test"))
    assert (why, [len(rows) for rows in found.values()]) == ("", [3, 2])
    absent = Binding(name="jsonl", params={"train": "absent.jsonl", "test": "absent.jsonl"})
    found, why = first_problems(Registry.discover(), absent, ("train", "test"))
    assert why.startswith("absent.jsonl: cannot read")
    assert found == own_problems(("train", "test"))
    prompts = {problem.prompt for rows in found.values() for problem in rows}
    assert len(prompts) == 6


def test_lessons_are_right_and_wrong_by_the_verifier(tmp_path: Path) -> None:
    materials = Materials(tmp_path)
    problems = own_problems(("train", "test"))
    write_problems(materials, problems)
    step_format = LinesFormat(LinesParams(stop=("\n\n",)))
    taught = write_lessons(materials, problems, VerifierBinding(name="sympy"), step_format)
    rows = [json.loads(line) for line in materials.lessons.read_text().splitlines()]
    asked = [row for row in rows if row["messages"][0]["content"] == problems["train"][0].prompt]
    said = [row["messages"][1]["content"] for row in asked]
    assert taught == 6
    assert sum("\\boxed{48}" in text for text in said) == len(said) / 2
    assert all("\n\n" in text for text in said)
    assert "".join(s["text"] for s in rows[0]["segments"]) == said[0]
    read = [json.loads(line) for line in materials.problems("test").read_text().splitlines()]
    assert [row["answer"] for row in read] == [problem.answer for problem in problems["test"]]


def test_problems_without_a_wording_that_passes_are_counted(tmp_path: Path) -> None:
    problems, _ = first_problems(Registry.discover(), Binding(name="countdown"), ("train",))
    unsolved = {"train": [replace(p, metadata={}) for p in problems["train"]]}
    step_format = LinesFormat(LinesParams())
    verifier = VerifierBinding(name="countdown")
    assert write_lessons(Materials(tmp_path), unsolved, verifier, step_format) == 0


def test_a_solution_that_the_source_knows_is_taught_in_its_steps(tmp_path: Path) -> None:
    four = Binding(name="countdown", params={"numbers": 4, "train": 5})
    problems, _ = first_problems(Registry.discover(), four, ("train",))
    materials, step_format = Materials(tmp_path), LinesFormat(LinesParams())
    verifier = VerifierBinding(name="countdown", params={"strict": True})
    assert write_lessons(materials, problems, verifier, step_format) == 3
    rows = [json.loads(line) for line in materials.lessons.read_text().splitlines()]
    steps = [[segment["text"] for segment in row["segments"]] for row in rows]
    known = [step for step in steps if step[-1].startswith("answer")]
    assert len(known) == len(steps) / 2
    assert {len(step) for step in known} == {4}


def test_a_config_that_is_wrong_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("name: wrong\n")
    result = CliRunner().invoke(main, ["run", "--rehearse", str(path)], prog_name="astro")
    assert result.exit_code == 2
    assert "policy: missing" in result.stderr


def test_where_our_problems_cannot_be_judged_the_source_is_to_be_mended(tmp_path: Path) -> None:
    overrides = ("--set", "problems.params.test=100000", "--runs", str(tmp_path))
    path = str(CONFIGS / "quickstart.yaml")
    result = CliRunner().invoke(main, ["run", "--rehearse", path, *overrides], prog_name="astro")
    assert result.exit_code == 2
    assert "error: 100000 test problems requested, but there are only" in result.stderr
    assert "countdown cannot judge problems of ours" in result.stderr


@pytest.mark.parametrize("width", [60, 80, 200])
def test_what_a_rehearsal_reports_breaks_lines_between_words(width: int) -> None:
    stream = io.StringIO()
    done = RehearsalResult(Path("runs/rehearsal-x"), {"x": prepared(BARE)})
    for part in report(done, None):
        Console(file=stream, width=width).print(part)
    words = stream.getvalue().split()
    for word in ("transformers,", "meta-llama/Llama-3.1-70B-Instruct", "evaluate.sets.math500"):
        assert word in words
    assert "policy: transformers, random-llama, taught, in place of vllm, meta-llama" in " ".join(
        words
    )
    assert "`rewritten 0` is what is to be expected" in " ".join(words)
