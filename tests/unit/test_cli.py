"""The command line: what it prints, how it fails, and how fast it starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from astro.cli import main
from astro.cli.app import COMMANDS
from astro.errors import ConfigError, RunError
from astro.events import Listener, Notice
from astro.plugins.hookspecs import Provider
from astro.plugins.listing import rows
from astro.plugins.registry import Broken, Entry, Registry

CONFIG = """
name: small
problems: {name: jsonl, params: {train: train.jsonl}}
policy: {name: scripted}
verifier: {name: exact}
search: {name: mcts}
linearizer: {name: backtrack}
"""


def astro(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), prog_name="astro")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(CONFIG)
    (tmp_path / "train.jsonl").write_text('{"id": "a", "prompt": "2+2?", "answer": "4"}\n')
    return path


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def load(*_: object) -> None:
        raise error

    monkeypatch.setattr("astro.experiments.loading.load", load)


# --- what is there ---------------------------------------------------------------------------


def test_help_lists_every_command() -> None:
    result = astro("--help")
    assert result.exit_code == 0
    assert all(name in result.output for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    result = astro(command, "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: astro {command}")


def test_version() -> None:
    assert astro("--version").output.startswith("astro, version ")


def test_unknown_command_is_a_usage_error() -> None:
    result = astro("rnu")
    assert result.exit_code == 2
    assert result.stderr.endswith("Error: No such command 'rnu'; did you mean run?\n")
    assert astro("lunch").stderr.endswith("Error: No such command 'lunch'.\n")


def test_help_that_no_arguments_ask_for_keeps_its_lines() -> None:
    for arguments in ((), ("config",), ("plugins", "new")):
        assert astro(*arguments).stderr == astro(*arguments, "--help").stdout


def test_help_is_not_cut_and_tells_of_completion() -> None:
    assert "..." not in astro("plugins", "new", "--help").stdout.replace("[ARGS]...", "")
    assert "_ASTRO_COMPLETE=bash_source astro" in astro("--help").stdout


# --- plugins and doctor ----------------------------------------------------------------------


def test_plugins_json_tells_who_provides_what() -> None:
    listed = json.loads(astro("plugins", "--json").stdout)
    local = next(row for row in listed if row["name"] == "local")
    assert local["kind"] == "executor"
    assert local["distribution"] == "astro-reasoner"
    assert local["status"] == "ready"


def test_plugins_shows_the_same_as_a_table() -> None:
    listed = json.loads(astro("plugins", "--json").stdout)
    table = astro("plugins").stdout
    assert all(row["name"] in table for row in listed)


def test_names_of_plugins_are_whole_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("astro.cli.plugins.width", lambda: 80)
    monkeypatch.setattr("astro.cli.output.width", lambda: 80)
    shown = astro("plugins").stdout
    assert max(map(len, shown.splitlines())) <= 80
    for row in json.loads(astro("plugins", "--json").stdout):
        assert f" {row['name']} " in shown
        assert f" {row['distribution']} " in shown


def entry(name: str, distribution: str, **provider: object) -> Entry:
    described = Provider("verifier", name, "", target="m:V", **provider)  # type: ignore[arg-type]
    return Entry(described, distribution, "1.0")


def test_a_plugin_without_its_engine_names_the_command() -> None:
    needy = entry("gpu", "astro-gpu", requires=("no_such_engine",), install="pip install engine")
    (row,) = rows(Registry([needy]))
    assert row.state == "needs no_such_engine (pip install engine)"


def test_two_providers_of_a_name_are_broken_and_name_each_other() -> None:
    one, other = rows(Registry([entry("maths", "dist-a"), entry("maths", "dist-b")]))
    assert (one.status, other.status) == ("broken", "broken")
    assert "dist-b 1.0" in one.detail
    assert "dist-a 1.0" in other.detail


def test_a_plugin_that_does_not_load_is_listed_with_the_reason() -> None:
    broken = Broken("chem", "astro-chem", "2.0", "ImportError: no flask")
    fine, row = rows(Registry([entry("maths", "dist-a")], [broken]))
    assert fine.state == "ready"
    assert (row.name, row.state) == ("chem", "broken (ImportError: no flask)")


def test_plugin_text_is_not_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Broken("[red]x", "d\x1b[2J", "1", "[/nonsense]")
    monkeypatch.setattr(Registry, "discover", lambda: Registry([], [broken]))
    result = astro("plugins")
    assert result.exit_code == 0
    assert "[red]x" in result.output
    assert "[/nonsense]" in result.output
    assert "\x1b[2J" not in result.output


def test_doctor_describes_the_machine() -> None:
    report = json.loads(astro("doctor", "--json").stdout)
    assert report["cores"] >= 1
    assert report["memory_gib"] > 0
    assert "astro-reasoner" in report["distributions"]
    assert "cpu" in report["devices"]


def test_doctor_says_what_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    needy = entry("gpu", "astro-gpu", requires=("no_such_engine",), install="pip install engine")
    monkeypatch.setattr(Registry, "discover", lambda: Registry([needy]))
    monkeypatch.setattr("astro.plugins.machine.devices", lambda: {"cpu": "fake"})
    output = astro("doctor").stdout
    assert "verifier gpu" in output
    assert "needs no_such_engine (pip install engine)" in output


# --- config ----------------------------------------------------------------------------------


def test_config_check_accepts(config: Path) -> None:
    result = astro("config", "check", str(config))
    assert (result.exit_code, result.stdout) == (0, f"{config}: ok\n")


def test_config_show_applies_overrides_and_fills_defaults(config: Path) -> None:
    override = "search.params.iterations=7"
    shown = astro("config", "show", str(config), "--set", override, "--set", "seed=3").stdout
    assert "iterations: 7" in shown
    assert "seed: 3" in shown
    assert "max_failed: 0.05" in shown


def test_config_errors_come_all_at_once(config: Path) -> None:
    config.write_text(
        CONFIG.replace("name: mcts", "name: mctz").replace("exact}", "exact, workers: none}")
        + "evalute: {}\nevaluate: {samples: 0}\n"
    )
    result = astro("config", "check", str(config))
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert all(line.startswith(f"error: {config}: ") for line in lines)
    assert any("evalute: unknown key; did you mean evaluate?" in line for line in lines)
    assert any(
        "evaluate.samples: " in line and "greater than or equal to 1" in line for line in lines
    )
    assert any("verifier.workers: " in line and "integer" in line for line in lines)
    assert any("search.name: no search named 'mctz'" in line for line in lines)


def test_plugin_errors_come_all_at_once(config: Path) -> None:
    config.write_text(
        CONFIG.replace("name: mcts", "name: mctz").replace("name: backtrack", "name: backtrak")
    )
    result = astro("config", "check", str(config))
    assert result.exit_code == 2
    assert "search.name: no search named 'mctz'; did you mean mcts?" in result.stderr
    assert "linearizer.name: no linearizer named 'backtrak'; did you mean backtrack?" in (
        result.stderr
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected a mapping of keys, got empty"),
        ("- a\n- b\n", "expected a mapping of keys, got a list"),
        ("name: [unclosed\n", "not valid YAML"),
        ("name: x\n", "search: missing"),
        ("seed: 2024-13-45\n", "not valid YAML: month must be in 1..12"),
        ("a: " + "[" * 5000, "not valid YAML"),
        (CONFIG + "name: other\n", "gives 'name' 2 times"),
        (CONFIG + "seed: soon\n", "seed: "),
        (CONFIG.replace("small", "../escape"), "name: "),
        (
            CONFIG.replace("{name: mcts}", "{name: mcts, params: {expnd: 3}}"),
            "did you mean expand?",
        ),
    ],
)
def test_a_bad_config_is_one_clear_line(config: Path, text: str, expected: str) -> None:
    config.write_text(text)
    for command in (["config", "check"], ["config", "show"], ["run"]):
        result = astro(*command, str(config))
        assert result.exit_code == 2
        assert expected in result.stderr
        assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("name", "expected"), [("absent.yaml", "No such file"), (".", "Is a directory")]
)
def test_a_config_that_cannot_be_read(tmp_path: Path, name: str, expected: str) -> None:
    result = astro("config", "check", str(tmp_path / name))
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert expected in result.stderr


def test_a_config_that_is_not_text(config: Path) -> None:
    config.write_bytes(b"name: \xff\xfe")
    assert "not a UTF-8 text file" in astro("config", "check", str(config)).stderr


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"id,prompt,answer\n1,2+2?,4\n", "train.jsonl:1: not valid JSON"),
        (b"[{}]\n", "train.jsonl:1: expected an object, got a list"),
        (b"PAR1\x15\x04\xff", "train.jsonl: not a UTF-8 text file"),
    ],
)
def test_config_check_finds_a_file_of_another_format(
    config: Path, content: bytes, expected: str
) -> None:
    (config.parent / "train.jsonl").write_bytes(content)
    result = astro("config", "check", str(config))
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert f"{config}: problems: {expected}" in result.stderr


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [("absent.parquet", "there is no file absent.parquet"), ("small.yaml", "expected a file that")],
)
def test_config_check_finds_that_a_dataset_has_no_file(
    config: Path, dataset: str, expected: str
) -> None:
    source = f"problems={{name: huggingface, params: {{dataset: {dataset}}}}}"
    result = astro("config", "check", str(config), "--set", source)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert expected in result.stderr


@pytest.mark.parametrize(
    "override", ["seed", "=3", "a..b=3", "name.x=1", "seed=[1", "seed=2024-13-45"]
)
def test_a_bad_override(config: Path, override: str) -> None:
    result = astro("config", "check", str(config), "--set", override)
    assert result.exit_code == 2
    key, equals, value = override.partition("=")
    assert f"--set {key}{equals and '=...'}: " in result.stderr
    assert not value or value not in result.stderr, "it may hold a secret"


# --- how errors leave ------------------------------------------------------------------------


def test_each_problem_is_a_line(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ConfigError(["a: wrong", "b: missing"], "x.yaml"))
    result = astro("run", str(config))
    assert result.exit_code == 2
    assert result.stderr == "error: x.yaml: a: wrong\nerror: x.yaml: b: missing\n"


def test_an_error_shows_its_hint_and_no_escape_codes(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, RunError("bad \x1b[31mfolder", "try another"))
    assert astro("run", str(config)).stderr == "error: bad ␛[31mfolder; try another\n"


def test_debug_shows_the_traceback(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, RunError("no"))
    result = astro("--debug", "run", str(config))
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("error: no\n")


def test_an_unexpected_error_is_one_line(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ZeroDivisionError("two\nlines"))
    result = astro("run", str(config))
    assert result.exit_code == 1
    assert result.stderr == (
        "error: unexpected ZeroDivisionError: two lines; `astro --debug run ...` shows where\n"
    )


def test_an_interrupt_says_how_to_go_on(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    result = astro("run", str(config))
    assert result.exit_code == 130
    assert result.stderr.count("\n") == 1
    assert "resumes" in result.stderr


def test_a_line_end_in_a_quoted_name_forges_no_line(tmp_path: Path) -> None:
    result = astro("config", "check", str(tmp_path / "x\nerror: all lost\u2028.yaml"))
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.endswith(
        "x error: all lost .yaml: cannot read: No such file or directory\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["\x1b]0;title\x07"],
        ["config", "check", "a.yaml", "\x1b]0;title\x07"],
        ["--\x1b]0;title\x07"],
        ["verify", "1", "2", "--metadata", "\x1b]0;title\x07"],
        ["--debug", "config", "check", "a\x1b]0;title\x07.yaml"],
        ["plugins", "new", "verifier", "\x1b]0;title\x07"],
    ],
)
def test_an_argument_is_quoted_without_its_control_characters(arguments: list[str]) -> None:
    result = astro(*arguments)
    assert result.exit_code == 2
    assert "]0;title" in result.stderr
    assert not {"\x1b", "\x07"} & set(result.output + result.stderr)


# --- run and solve ---------------------------------------------------------------------------


def test_run_passes_its_options_on(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}

    def run(config: object, *, on_event: Listener, **options: object) -> object:
        from astro.runs.runner import RunResult

        seen.update(options, config=config)
        on_event(Notice("hello"))
        return RunResult(Path("there"), {}, [])

    monkeypatch.setattr("astro.runs.runner.run", run)
    result = astro("run", str(config), "--fresh", "--until", "rl", "--runs", "x", "--set", "seed=5")
    assert result.exit_code == 0, result.output
    assert (seen["fresh"], seen["until"], seen["runs"]) == (True, "rl", Path("x"))
    assert getattr(seen["config"], "seed", None) == 5
    assert "hello" in result.stderr
    assert "there/" in result.stdout


def test_trees_take_the_place_of_a_search(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(config.parent)
    arguments = (str(config), "--set", 'policy.params.answers=["4\\n"]')
    first = astro("run", *arguments, "--until", "search")
    assert first.exit_code == 0, first.output
    again = ("--set", "name=again", "--until", "linearize", "--trees")
    second = astro("run", *arguments, *again, "runs/small/trees.jsonl")
    assert second.exit_code == 0, second.output
    assert (
        Path("runs/again/trees.jsonl").read_bytes() == Path("runs/small/trees.jsonl").read_bytes()
    )
    for bad in ((*again, "absent"), (*again, "small.yaml", "--set", "rounds={n: 2}")):
        assert astro("run", *arguments, *bad).exit_code == 2


def test_a_study_is_shown_arm_by_arm_and_told_apart(config: Path) -> None:
    config.write_text(CONFIG + "arms: {one: {}, two: {linearizer: {name: direct}}}\n")
    shown = astro("config", "show", str(config))
    documents = list(yaml.safe_load_all(shown.stdout))
    assert [d["linearizer"]["name"] for d in documents] == ["backtrack", "direct"]
    for command in (("solve", str(config), "x"), ("evaluate", str(config)), ("rl", str(config))):
        result = astro(*command)
        assert result.exit_code == 2
        assert "arms: this is a study" in result.stderr


def test_run_knows_the_stages(config: Path) -> None:
    result = astro("run", str(config), "--until", "lunch")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: until: expected one of search, linearize, sft, rl, evaluate, report, html, "
        "got 'lunch'\n"
    )


# --- starting --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        (["--help"], ["torch", "transformers", "numpy", "pydantic", "rich", "astro.runs"]),
        (["plugins"], ["torch", "transformers", "numpy", "pydantic", "astro.runs"]),
        (["config", "check", "CONFIG"], ["torch", "transformers", "numpy"]),
    ],
    ids=lambda value: value[0],
)
def test_starting_imports_nothing_heavy(
    config: Path, arguments: list[str], absent: list[str]
) -> None:
    code = (
        "import sys\nfrom astro.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "print(*sys.modules)"
    )
    asked = [str(config) if argument == "CONFIG" else argument for argument in arguments]
    done = subprocess.run(
        [sys.executable, "-c", code, *asked], capture_output=True, text=True, check=True
    )
    modules = set(done.stdout.splitlines()[-1].split())
    assert "astro.cli.app" in modules
    assert not modules & set(absent)


def test_the_installed_command_fails_without_a_traceback(tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("astro")
    done = subprocess.run(
        [command, "run", str(tmp_path / "absent.yaml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == f"error: {tmp_path}/absent.yaml: cannot read: No such file or directory\n"


@pytest.mark.parametrize("command", [["run"], ["verify", "--reference"], ["solve", "x.yaml"]])
def test_an_argument_that_is_no_text_is_a_usage_error(command: list[str]) -> None:
    result = astro(*command, "a\udc80")
    assert result.exit_code == 2
    assert "an argument is not valid UTF-8: 'a\\udc80'" in result.output


@pytest.mark.parametrize(
    ("number", "reason"),
    [("1000000000", "expected less than or equal to"), ("1.0e+30", "exceeded maximum size")],
)
@pytest.mark.parametrize(
    "key",
    [
        "executor.params.concurrency",
        "search.params.expand",
        "value.params.rollouts",
        "linearizer.params.traces_per_tree",
        "linearizer.params.max_backtracks",
        "evaluate.samples",
    ],
)
def test_a_number_without_measure_is_refused_in_one_line(
    key: str, number: str, reason: str
) -> None:
    quickstart = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
    result = astro("config", "check", str(quickstart), "--set", f"{key}={number}")
    assert result.exit_code == 2
    (line,) = [line for line in result.output.splitlines() if "error:" in line]
    assert f"{key}: " in line and reason in line
