"""The arithmetic of `astro plan`, worked by hand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from astro.cli import main
from astro.cli.plan import lines
from astro.config.loading import load_config, parse_config
from astro.config.run import RunConfig
from astro.errors import ConfigError
from astro.experiments.loading import load
from astro.planning.assumptions import Assumptions
from astro.planning.estimate import Plan, estimate
from astro.planning.experiments import PlannedRun, Question, plan_runs, sum_runs
from astro.planning.speed import Machine, Supposed, model_size, suppose
from astro.planning.totals import Total, short
from astro.planning.work import CostLine, Counts
from astro.plugins.registry import Registry

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
QUICKSTART = str(next(path for path in CONFIGS if path.stem == "quickstart"))
SMALL: dict[str, Any] = {
    "name": "small",
    "problems": {"name": "countdown"},
    "trees": 10,
    "policy": {"name": "transformers", "params": {"model": "m"}},
    "verifier": {"name": "countdown"},
    "search": {"name": "mcts", "params": {"iterations": 4, "expand": 3, "step_tokens": 20}},
    "value": {"name": "rollout", "params": {"rollouts": 2, "max_tokens": 100}},
    "linearizer": {"name": "backtrack", "params": {"traces_per_tree": 2, "shares": {1: 1, 3: 1}}},
    "control": {"name": "direct"},
    "sft": {"name": "transformers", "params": {"epochs": 3}},
    "rl": {
        "name": "grpo",
        "params": {
            "steps": 5,
            "prompts_per_step": 2,
            "group_size": 4,
            "max_tokens": 50,
            "filter_prompts": 6,
            "filter_samples": 8,
        },
    },
    "evaluate": {"samples": 7, "max_tokens": 40, "models": ["base", "rl"]},
}
ASSUMED = Assumptions(
    prompt_tokens=30,
    fill=0.5,
    prefix_reuse=0.75,
    tokens_per_second=100,
    prompt_tokens_per_second=200,
    training_tflops=1,
    parameters=2,
    renewed=0.2,
)


def parsed(**changes: Any) -> RunConfig:
    return parse_config({**SMALL, **changes}, Registry.discover())


def planned(**changes: Any) -> Plan:
    return estimate(parsed(**changes), Registry.discover(), Counts(10, 9), ASSUMED)


def row(plan: Plan, stage: str, what: str) -> CostLine:
    (found,) = [row for row in plan.rows if (row.stage, row.what) == (stage, what)]
    return found


def values(totals: list[Total]) -> dict[str, float]:
    return {total.what: total.value for total in totals}


def test_the_search() -> None:
    """A path has 0.5 x 100 tokens; a node stands behind half of them, in the mean."""
    actions = row(planned(), "search", "actions")
    assert actions.arithmetic == "10 trees x 4 requests x 3 samples x 10 tokens"
    assert (actions.requests, actions.samples, actions.generated_tokens) == (40, 120, 1200)
    assert actions.prompt_tokens == 40 * (30 + 25)
    assert actions.computed_prompt_tokens == 40 * 55 / 4
    rollouts = row(planned(), "search", "rollouts")
    assert rollouts.arithmetic == "120 states x 1 requests x 2 samples x 50 tokens"
    assert (rollouts.requests, rollouts.generated_tokens) == (120, 12000)


def test_the_limit_on_the_tokens_of_a_path_ends_it_sooner() -> None:
    """A step has 0.5 x 20 tokens, so that the fourth of ten reaches 35 tokens."""
    params = {"max_depth": 10, "step_tokens": 20, "width": 3, "expand": 1}

    def searched(**limit: int) -> Plan:
        return planned(search={"name": "beam", "params": params | limit})

    steps = row(searched(), "search", "steps")
    assert steps.arithmetic == "10 trees x 10 requests x 3 samples x 10 tokens"
    plan = searched(max_path_tokens=35)
    ended = row(plan, "search", "steps")
    assert ended.arithmetic == "10 trees x 40.0% of 10 requests x 3 samples x 10 tokens"
    assert (ended.requests, ended.samples, ended.generated_tokens) == (100, 300, 1200)
    assert ended.nodes == 0.4 * steps.nodes
    assert ended.prompt_tokens == 40 * (30 + 35 / 2)
    rollouts = row(plan, "search", "rollouts")
    assert rollouts.arithmetic == "300 states x 40.0% of 1 requests x 2 samples x 50 tokens"
    assert (rollouts.requests, rollouts.generated_tokens) == (300, 0.4 * 300 * 2 * 50)
    assert row(searched(max_path_tokens=1000), "search", "steps") == steps


def test_the_limit_on_the_tokens_of_a_path_shortens_prompts_and_traces() -> None:
    """Iterations of `mcts` are spent on other paths; each path is shorter."""
    params = SMALL["search"]["params"] | {"max_path_tokens": 30}
    plan = planned(search={"name": "mcts", "params": params})
    actions = row(plan, "search", "actions")
    assert (actions.requests, actions.generated_tokens) == (40, 1200)
    assert actions.prompt_tokens == 40 * (30 + 15)
    assert row(plan, "sft", "sft").arithmetic == "10 trees x 2 traces x 90 tokens x 3 epochs"


def test_both_arms_train_on_as_many_tokens() -> None:
    """One and three backtracks alike are three paths in the mean."""
    plan = planned()
    assert row(plan, "sft", "sft").arithmetic == "10 trees x 2 traces x 150 tokens x 3 epochs"
    assert row(plan, "sft", "sft").trained_tokens == 9000
    assert row(plan, "sft", "direct_sft").trained_tokens == 9000
    assert not [row for row in planned(control=None).rows if row.what == "direct_sft"]
    assert row(planned(sft={**SMALL["sft"], "tokens": 77}), "sft", "sft").trained_tokens == 77


def test_the_traces_of_other_runs_are_trained_on_too() -> None:
    tuned = row(planned(sft={**SMALL["sft"], "runs": ["runs/a", "runs/b"]}), "sft", "sft")
    assert tuned.arithmetic == "3 runs x 10 trees x 2 traces x 150 tokens x 3 epochs"
    assert tuned.trained_tokens == 27000


def test_rl() -> None:
    plan = planned()
    assert row(plan, "rl", "prompt filter").generated_tokens == 6 * 8 * 25
    assert row(plan, "rl", "prompt filter").trained_tokens == 0
    assert row(plan, "rl", "rollouts").samples == 5 * 2 * 4
    assert row(plan, "rl", "rollouts").trained_tokens == 40 * 25
    unfiltered = {"name": "grpo", "params": {**SMALL["rl"]["params"], "filter_samples": 0}}
    assert [r.what for r in planned(rl=unfiltered).rows if r.stage == "rl"] == [
        "rollouts",
        "rollouts, sampled anew",
    ]


def test_groups_without_a_signal_are_sampled_anew() -> None:
    """A fifth is discarded, so a quarter is added to the 5 x 2 groups; they are not trained on."""
    again = row(planned(), "rl", "rollouts, sampled anew")
    assert (again.requests, again.samples, again.trained_tokens) == (3, 12, 0)
    assert again.likely
    params = {**SMALL["rl"]["params"], "max_refills": 0}
    kept = planned(rl={"name": "grpo", "params": params})
    assert not [r for r in kept.rows if "anew" in r.what]


def test_evaluation_is_of_the_models_that_the_run_has() -> None:
    responses = row(planned(), "evaluate", "responses")
    assert responses.arithmetic == "2 models x 9 requests x 8 samples x 20 tokens"
    assert row(planned(rl=None), "evaluate", "responses").requests == 9


def test_a_rewriting_linearizer_asks_too() -> None:
    params = {"traces_per_tree": 2, "shares": {1: 1}, "reply_tokens": 60, "self_evaluation": {}}
    plan = planned(linearizer={"name": "rewrite", "params": params})
    rewriting = row(plan, "linearize", "rewriting")
    assert rewriting.arithmetic == "10 trees x 2 requests x 1 samples x 30 tokens"
    assert rewriting.prompt_tokens == 20 * (30 + 2 * 50) == rewriting.computed_prompt_tokens
    assert row(plan, "linearize", "judgements").samples == 10 * 2 * 4


def test_gpu_hours() -> None:
    hours = values(planned().gpu_hours)
    assert hours["search, sampling"] * 3600 == pytest.approx(13200 / 100 + 160 * 55 / 4 / 200)
    assert hours["sft, training"] * 3600 == pytest.approx(6 * 2e9 * 18000 / 1e12)
    assert hours["rl, training"] * 3600 == pytest.approx(8 * 2e9 * 1000 / 1e12)
    assert "sft, sampling" not in hours


def test_disk() -> None:
    gigabytes = values(planned().gigabytes)
    assert gigabytes["journal"] * 1e9 == pytest.approx(12 * (13200 + 2880) + 400 * (160 + 18))
    assert gigabytes["trees, also in the journal"] * 1e9 == 2 * (230 * 120 + 10 * 1200)
    assert gigabytes["checkpoints"] == (3 * 2 + 2 * 14) * 2


def test_a_budget_ends_the_search_sooner() -> None:
    plan = planned(budget={"tokens": 660})
    (note,) = plan.notes
    assert note.startswith("budget.tokens allows 50.0% of each search, and the requests under way")
    assert sum(row.generated_tokens for row in plan.rows if row.stage == "search") == 6600
    assert planned(budget={"tokens": 1320}).notes == []


SILENT = """
from astro.plugins.hookspecs import Provider, hookimpl

@hookimpl
def astro_providers():
    return [Provider("search", "mine", "", target="silent:Mine", requires=("no_such_engine",))]
"""


def test_a_plugin_that_does_not_say_is_named(distribution: Any) -> None:
    distribution("silent", SILENT)
    registry = Registry.discover().as_if_installed()
    config = parse_config({**SMALL, "search": {"name": "mine"}}, registry)
    plan = estimate(config, registry, Counts(10, 9), ASSUMED)
    assert plan.notes == ["left out: search mine does not say what it costs"]
    with pytest.raises(ConfigError, match="needs no_such_engine"):
        parse_config({**SMALL, "search": {"name": "mine"}}, Registry.discover())


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123, "0.0123"), (999, "999"), (1000, "1K"), (84.8e6, "84.8M")]
)
def test_short(value: float, text: str) -> None:
    assert short(value) == text


# --- the command -----------------------------------------------------------------------------


def astro(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plan", *arguments])


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_can_be_planned(path: Path) -> None:
    absent = ("--set", "policy.params.model=absent/model")
    result = astro(str(path), *absent, "--set", "trees=100", "--test", "500", "--parameters", "8")
    assert result.exit_code == 0, result.output
    for part in ("assumed", "search: actions", "hours", "journal"):
        assert part in result.stdout


def test_json_holds_the_same_figures() -> None:
    report = json.loads(astro(QUICKSTART, "--json", "--fill", "1", "--test", "3").stdout)
    assert report["assumed"]["fill"] == 1
    (run,) = report["runs"]
    assert run["title"] == "quickstart"
    assert run["rows"][0]["generated_tokens"] == 1000 * 16 * 8 * 16
    assert {"gpu_hours", "gigabytes", "notes"} <= set(run)


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., str]:
    """Writes a config, `SMALL` with changes, and says where."""

    def write(**changes: Any) -> str:
        path = tmp_path / "small.yaml"
        path.write_text(json.dumps({**SMALL, **changes}))
        return str(path)

    return write


def figures(path: str, stage: str, figure: str, *options: str) -> list[list[float]]:
    """One figure of all rows of a stage, a list a run."""
    runs = json.loads(astro(path, "--json", *options).stdout)["runs"]
    return [[row[figure] for row in run["rows"] if row["stage"] == stage] for run in runs]


ARMS: dict[str, Any] = {"a": {}, "b": {"linearizer": {"name": "direct"}}, "c": {"trees": 5}}


def test_arms_of_a_study_share_the_reference_s_trees(written: Callable[..., str]) -> None:
    """Each keeps a copy of them: 230 bytes for each of 120 nodes and 10 for each token of them."""
    study = written(seeds=[1, 2], arms=ARMS)
    runs = json.loads(astro(study, "--json", "--test", "9").stdout)["runs"]
    titles = [("arm a", 2), ("arm b, on the trees of a", 2), ("arm c", 2)]
    assert [(run["title"], run["times"]) for run in runs] == titles
    assert figures(study, "search", "requests", "--test", "9") == [[40, 120], [], [20, 60]]
    disk = {total["what"]: total["value"] for total in runs[1]["gigabytes"]}
    assert disk["trees, a copy"] * 1e9 == pytest.approx(230 * 120 + 10 * 1200)


def test_arms_are_trained_on_as_many_tokens_as_the_reference(written: Callable[..., str]) -> None:
    """The reference's are 10 trees x 2 traces x 150 tokens x 3 epochs; its control has as many."""
    study = written(arms={**ARMS, "d": {"sft": {"tokens": 77}}, "e": {"control": None}})
    tokens = figures(study, "sft", "trained_tokens", "--test", "9")
    assert tokens == [[9000, 9000], [9000, 9000], [9000, 9000], [77, 77], [9000]]
    assert "  as many tokens as the reference\n" in astro(study, "--test", "9").stdout


def test_the_reference_alone_measures_the_base_model(written: Callable[..., str]) -> None:
    requests = figures(written(arms=ARMS), "evaluate", "requests", "--test", "9")
    assert requests == [[2 * 9], [9], [9]]


def test_the_search_at_inference_spends_no_more_than_a_response(
    written: Callable[..., str],
) -> None:
    """A response of the reference has 40 tokens at most, and 9 problems are searched."""
    study = written(seeds=[1, 2], arms=ARMS, inference={"search": {"params": {"expand": 2}}})
    *_, run = json.loads(astro(study, "--json", "--test", "9").stdout)["runs"]
    assert (run["title"], run["times"]) == ("search at inference, 9 problems at 40 tokens", 2)
    assert {row["stage"] for row in run["rows"]} == {"search"}
    assert sum(row["generated_tokens"] for row in run["rows"]) == pytest.approx(9 * 40)
    few = {"problems": {"name": "countdown", "params": {"test": 6}}}
    loaded = figures(written(arms=ARMS, inference={}, **few), "search", "generated_tokens")
    assert sum(loaded[-1]) == pytest.approx(6 * 40)


def test_every_round_is_planned(written: Callable[..., str]) -> None:
    """On 4 dev and 5 test problems; a round learns from its traces and those of all before it."""
    few = {"name": "countdown", "params": {"train": 30, "dev": 4, "test": 5}}
    rounds = written(problems=few, control=None, rounds={"n": 3})
    runs = json.loads(astro(rounds, "--json").stdout)["runs"]
    assert [run["title"] for run in runs] == [f"small, round {r} of at most 3" for r in (1, 2, 3)]
    assert figures(rounds, "search", "requests") == [[40, 120]] * 3
    assert figures(rounds, "sft", "trained_tokens") == [[9000], [18000], [27000]]
    assert figures(rounds, "evaluate", "requests") == [[2 * 9], [9], [9]]
    apart = written(problems=few, control=None, rounds={"n": 3, "pool": False})
    assert figures(apart, "sft", "trained_tokens") == [[9000]] * 3


def test_work_that_comes_to_nothing_is_no_row(written: Callable[..., str]) -> None:
    plan = planned(evaluate={"models": []}, sft=None, rl=None)
    assert {row.stage for row in plan.rows} == {"search"}
    printed = astro(written(arms=ARMS), "--test", "9").stdout
    assert not re.search(r"^  = 0 |^  0 ", printed, re.MULTILINE)


def test_all_runs_come_to() -> None:
    """3 x (1.5 + 0.5) + 1 GPU-hours, 3 x 3 gigabytes."""

    def totals(*values: float) -> list[Total]:
        return [Total("", "", value) for value in values]

    supposed = Supposed(ASSUMED, {})
    run = parsed()
    arm = PlannedRun(
        "a", Plan([], totals(1.5, 0.5), totals(1), totals(3), []), supposed, run, times=3
    )
    other = PlannedRun("b", Plan([], totals(1), totals(0.5), [], []), supposed, run)
    assert sum_runs([arm, other]) == {"hours": 3.5, "gpu_hours": 7, "gigabytes": 9}
    *_, last = lines([arm, other])
    assert last == "\nin all: about 7 GPU-hours, 3.5 hours one after another, 9 gigabytes"
    assert not [line for line in lines([other]) if "in all" in line]


def test_the_total_counts_every_seed(written: Callable[..., str]) -> None:
    once, thrice = (
        json.loads(astro(written(arms=ARMS, seeds=seeds), "--json", "--test", "9").stdout)["total"]
        for seeds in ([0], [0, 1, 2])
    )
    assert thrice == {what: pytest.approx(3 * value) for what, value in once.items()}


def test_the_help_says_where_speeds_come_from() -> None:
    text = " ".join(astro("--help").stdout.split())
    assert "[default: by the model's size; 2600 for 70B on a GPU]" in text
    assert "[default: by the model's files or name]" in text


def supposed(config: RunConfig, machine: Machine, **given: float) -> Assumptions:
    return suppose(config, Registry.discover().as_if_installed(), given, machine).assumed


@pytest.mark.parametrize(
    ("model", "billions"),
    [
        ("meta-llama/Llama-3.3-70B-Instruct", 70),
        ("Qwen/Qwen2.5-1.5B-Instruct", 1.5),
        ("HuggingFaceTB/SmolLM-135M", 0.135),
        ("mistralai/Mixtral-8x7B-v0.1", 56),
        ("Qwen/Qwen3-30B-A3B", 30),
        ("microsoft/phi-2", 0),
        ("tiny-countdown", 581_248 / 1e9),
        ("", 0),
    ],
)
def test_the_size_of_a_model_is_read_from_its_files_or_its_name(
    model: str, billions: float
) -> None:
    assert model_size(model)[0] == billions


def test_a_damaged_file_of_weights_has_no_size(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0not json")
    assert model_size(str(tmp_path)) == (0.0, "")


def test_a_small_model_is_planned_on_the_cpu_that_it_runs_on() -> None:
    """17.5 GFLOP/s on each of 4 cores; 2 FLOP for each of 581,248 weights and token."""
    config = load_config(QUICKSTART)
    tiny = supposed(config, Machine(gpu=False, cores=4))
    assert tiny.tokens_per_second == pytest.approx(70e9 / (2 * 581_248), rel=0.01)
    assert tiny.training_tflops == 0.07
    assert supposed(config, Machine(gpu=True, cores=4)).tokens_per_second == 22800
    given = supposed(config, Machine(gpu=False, cores=4), tokens_per_second=5)
    assert given.tokens_per_second == 5


def test_the_quickstart_takes_about_as_long_as_was_measured() -> None:
    """7:24 minutes on 2 cores, by docs/benchmarks.md."""
    runs = list(
        plan_runs(load(QUICKSTART), Question(Registry.discover(), None, {}, Machine(False, 2)))
    )
    assert 0.5 < sum_runs(runs)["hours"] * 3600 / (7 * 60 + 24) < 2


def test_a_larger_model_is_slower_in_proportion() -> None:
    machine = Machine(gpu=False, cores=4)
    registry = Registry.discover().as_if_installed()
    cluster = str(Path(QUICKSTART).with_name("cluster.yaml"))
    for model, speed in (("x/y-70B", 2600), ("x/y-140B", 1300), ("x/y-8B", 22750)):
        config = load_config(cluster, [f"policy.params.model={model}"], registry)
        assert supposed(config, machine).tokens_per_second == pytest.approx(speed, rel=0.01)


def test_hours_are_those_of_all_gpus_at_once() -> None:
    """Sixteen workers have four GPUs each."""
    cluster = str(Path(QUICKSTART).with_name("cluster.yaml"))
    (run,) = json.loads(astro(cluster, "--test", "500", "--json").stdout)["runs"]
    spent = sum(total["value"] for total in run["gpu_hours"])
    assert sum(total["value"] for total in run["hours"]) == pytest.approx(spent / 64)
    one = str(Path(QUICKSTART).with_name("qwen2.5-1.5b-one-gpu.yaml"))
    (run,) = json.loads(astro(one, "--test", "500", "--json").stdout)["runs"]
    assert [t["value"] for t in run["hours"] if t["what"] == "search"] == pytest.approx(
        [t["value"] for t in run["gpu_hours"] if t["what"] == "search, sampling"]
    )


def test_a_policy_without_a_model_takes_no_hours(written: Callable[..., str]) -> None:
    path = written(policy={"name": "scripted"}, sft=None, rl=None)
    printed = astro(path, "--test", "9").stdout
    assert "no hours: policy scripted has no model" in printed
    assert "GPU-hours" not in printed


def test_only_numbers_that_are_bounds_are_called_so() -> None:
    printed = astro(QUICKSTART, "--test", "4").stdout
    assert "= at most 16K requests, 128K samples; about " in printed
    assert "= about 576K tokens trained on" in printed
    assert "sampled anew\n" in printed
    assert not re.search(r"at most [^;]*(tokens|hours)", printed)


def test_an_arm_with_another_model_says_what_it_assumes(written: Callable[..., str]) -> None:
    other = {"policy": {"params": {"model": "big-7B"}}}
    printed = astro(written(arms={"a": {}, "b": other}), "--test", "9").stdout
    assert "assumed here: parameters 7: " in printed.partition("\narm b")[2]


def test_problems_are_counted_where_nothing_says_how_many() -> None:
    output = astro(QUICKSTART, "--set", "trees=null").stdout
    assert "3,000 trees" in output
    assert "4 models x 400 requests" in output


def test_problems_that_are_not_there_are_one_line(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    data = {"name": "jsonl", "params": {"train": "absent.jsonl", "test": "absent.jsonl"}}
    config.write_text(json.dumps({**SMALL, "problems": data}))
    result = astro(str(config))
    assert result.exit_code == 2
    assert result.stderr.startswith("error: absent.jsonl: cannot read")
    assert "give --set trees=N and --test N" in result.stderr
    assert astro(str(config), "--test", "5").exit_code == 0


def test_an_impossible_assumption_is_refused() -> None:
    result = astro(QUICKSTART, "--fill", "1.5", "--tokens-per-second", "0")
    assert result.exit_code == 2
    assert "error: --fill: expected less than or equal to 1" in result.stderr
    assert "error: --tokens-per-second: expected greater than 0" in result.stderr


def test_planning_imports_no_engine_if_the_model_is_not_here() -> None:
    code = (
        "import sys\nfrom astro.cli import main\n"
        f"main(['plan', {QUICKSTART!r}, '--set', 'trees=9', '--test', '9', '--set', "
        "'policy.params.model=absent/model'], "
        "standalone_mode=False)\n"
        "engines = {'torch', 'vllm', 'transformers', 'ray', 'openai'}\n"
        "print('engines', sorted(engines & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "engines []"


def test_the_document_shows_what_the_command_prints() -> None:
    root = Path(__file__).parents[2]
    printed = astro(str(root / "configs/cluster.yaml"), "--test", "500").stdout
    shown = (root / "docs/scaling.md").read_text().partition("```text\n")[2].partition("```")[0]
    assert printed.partition("\ncluster\n")[2] == shown


def test_evaluation_sets_are_planned_by_their_samples(tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    data = tmp_path / "p.jsonl"
    data.write_text('{"prompt": "1?", "answer": 1}\n{"prompt": "2?", "answer": 2}\n')
    exam = {"name": "jsonl", "params": {"test": str(data)}}
    evaluate = {"sets": {"few": exam, "many": exam | {"samples": 24}}, "samples": 8}
    config.write_text(json.dumps({**SMALL, "evaluate": evaluate}))
    assert "x 8 requests x" in astro(str(config), "--set", "trees=5").stdout
    exam["params"]["test"] = "absent.jsonl"
    config.write_text(json.dumps({**SMALL, "evaluate": evaluate}))
    absent = astro(str(config), "--set", "trees=5")
    assert absent.exit_code == 2
    assert "cannot read: No such file or directory; to plan without" in absent.stderr


def test_training_without_a_size_is_said_to_be_left_out() -> None:
    note = "left out of the GPU-hours: training; give the model's size by --parameters"
    bare = ASSUMED.model_copy(update={"parameters": 0})
    unsized = estimate(parsed(), Registry.discover(), Counts(10, 9), bare)
    assert note in unsized.notes
    assert note not in planned().notes
    untrained = parsed(sft=None, rl=None, control=None, evaluate={"models": ["base"]})
    assert note not in estimate(untrained, Registry.discover(), Counts(10, 9), bare).notes
