"""`astro verify`, through the real pool: one response, files of labelled pairs, and bad input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from astro.cli import main
from astro.judging.pairs import Judgement, Pair, VerifierJudgements, figures
from astro.plugins.registry import Registry
from astro.types import Status, Verdict

ROOT = Path(__file__).parents[2]
LENIENT = """
import time
from astro.plugins.hookspecs import Provider, hookimpl
from astro.plugins.params import Params
from astro.types import Status, Verdict

class Choice(Params):
    verdict: str = "correct"

class Lenient:
    def __init__(self, params): self._status = Status(params.verdict)
    def verify(self, problem, response):
        if response == "hang": time.sleep(60)
        return Verdict(self._status, response[:40], f"{problem.prompt}[red]\\x1b[2J")

@hookimpl
def astro_providers():
    return [Provider("verifier", "lenient", "likes all", target="lenient:Lenient",
                     params="lenient:Choice")]
"""
ROWS: list[dict[str, Any]] = [
    {"id": "a", "gold": "1", "candidate": "\\boxed{1}", "equivalent": True, "source": "s"},
    {"id": "b", "gold": "2", "candidate": "\\boxed{1}", "equivalent": False, "source": "s"},
    {"id": "c", "gold": "3", "candidate": "three", "equivalent": True, "source": "s"},
    {"id": 4, "gold": "1", "candidate": "\\boxed{1}", "expected": None, "category": "t"},
    {
        "id": "e",
        "gold": "5",
        "candidate": None,
        "candidate_gen": {
            "prefix": "",
            "repeat": "\\boxed{1} ",
            "times": 3,
            "suffix": "\\boxed{5}",
        },
        "expected": True,
        "category": "t",
        "why": "the last one counts",
    },
]


def verify(*arguments: str, verifier: str = "exact") -> Result:
    return CliRunner().invoke(main, ["verify", "--verifier", verifier, *arguments])


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    return written(tmp_path / "pairs.jsonl", ROWS)


@pytest.fixture
def lenient(distribution: Callable[[str, str], None]) -> None:
    distribution("lenient", LENIENT)


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


# --- one response ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gold", "candidate", "code", "lines"),
    [
        ("42", "so \\boxed{42}", 0, ["correct", "answer: 42"]),
        ("42", "\\boxed{41}", 1, ["incorrect", "answer: 41", "41 is not 42"]),
        ("-5", "the answer is -5", 0, ["correct", "answer: -5"]),
        ("-hi", "-\\sinh", 1, ["unparsed"]),
        ("", "\\boxed{1}", 3, ["bad_reference"]),
    ],
)
def test_a_response_is_judged(gold: str, candidate: str, code: int, lines: list[str]) -> None:
    result = verify(gold, candidate)
    assert result.exit_code == code, result.output
    assert result.stdout.splitlines()[: len(lines)] == lines


def test_a_lone_h_is_help_and_beside_a_response_it_is_an_answer() -> None:
    result = verify("-h")
    assert result.exit_code == 0
    assert result.stdout == verify("--help").stdout
    assert result.stdout.startswith("Usage: ")
    assert verify("-h", "the answer is -h").stdout.splitlines()[0] == "correct"


def test_a_judgement_as_json() -> None:
    result = verify("42", "\\boxed{41}", "--json")
    judged = json.loads(result.stdout)
    assert result.exit_code == 1
    assert 0 < judged.pop("seconds") < 1
    assert judged == {
        "status": "incorrect",
        "answer": "41",
        "reason": "41 is not 42",
        "rejected": False,
    }


@pytest.mark.usefixtures("lenient")
def test_the_problem_the_params_and_the_timeout_reach_the_verifier() -> None:
    result = verify("1", "2", "--problem", "why?", "--set", "verdict=incorrect", verifier="lenient")
    assert result.stdout == "incorrect\nanswer: 2\nwhy?[red]␛[2J\n"
    result = verify("1", "hang", "--timeout", "0.2", verifier="lenient")
    assert (result.exit_code, result.stdout) == (3, "timeout\nover 0.2 s\n")


def test_metadata_reaches_the_verifier() -> None:
    given = '{"numbers": [3, 5, 8], "target": 16}'
    walk = "3 + 5 = 8 left 8 8\n8 + 8 = 16 left 16\nanswer 16"
    result = verify("16", walk, "--metadata", given, verifier="countdown")
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "correct"), result.output
    result = verify("16", walk, verifier="countdown")
    assert result.stdout.startswith("bad_reference")


# --- files -----------------------------------------------------------------------------------


def test_figures_by_source(pairs: Path) -> None:
    report = json.loads(verify("--pairs", str(pairs), "--json").stdout)
    assert report["by_source"] == {
        "s": {
            "n": 3,
            "equivalent": 2,
            "recall": 0.5,
            "false_positives": 0,
            "agreement": 2 / 3,
            "statuses": {"correct": 1, "incorrect": 1, "unparsed": 1},
        },
        "t": {
            "n": 2,
            "equivalent": 1,
            "recall": 1.0,
            "false_positives": 0,
            "agreement": 1.0,
            "statuses": {"correct": 2},
        },
    }
    assert set(report) == {"by_source", "pairs_per_second", "p99_seconds", "max_seconds"}
    assert 0 < report["p99_seconds"] <= report["max_seconds"] < 1
    assert report["pairs_per_second"] > 1


@pytest.mark.usefixtures("lenient")
def test_false_positives_and_a_second_opinion(pairs: Path) -> None:
    arguments = ("--pairs", str(pairs), "--against", "exact", "--json")
    report = json.loads(verify(*arguments, verifier="lenient").stdout)
    assert report["by_source"]["s"]["false_positives"] == 1
    assert report["by_source"]["s"]["recall"] == 1.0
    second = report["against"]
    assert (second["verifier"], second["disagreements"]) == ("exact", 2)
    assert second["agreement"] == pytest.approx(0.6)
    assert second["by_source"]["s"]["recall"] == 0.5


@pytest.mark.usefixtures("lenient")
def test_tables_show_figures_and_disagreements_and_no_markup(tmp_path: Path) -> None:
    rows = [
        {"gold": f"[bold]{i}", "candidate": f"\x1b[2J{i}", "equivalent": False} for i in range(30)
    ]
    result = verify(
        "--pairs", str(written(tmp_path / "p", rows)), "--against", "exact", verifier="lenient"
    )
    assert result.exit_code == 0, result.output
    assert "lenient against the labels: 30" in result.stdout
    assert "lenient against exact: 30" in result.stdout
    assert result.stdout.count("and 10 more") == 2
    assert "None" not in result.stdout
    assert "[bold]7" in result.stdout
    assert "pairs/s" in result.stdout
    assert "\x1b" not in result.stdout


def test_every_verdict_is_written_in_the_files_order(pairs: Path, tmp_path: Path) -> None:
    out = tmp_path / "there" / "out.jsonl"
    assert verify("--pairs", str(pairs), "--out", str(out), "--workers", "2").exit_code == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["id"] for row in rows] == ["a", "b", "c", 4, "e"]
    statuses = ["correct", "incorrect", "unparsed", "correct", "correct"]
    assert [row["status"] for row in rows] == statuses
    assert [row["answer"] for row in rows] == ["1", "1", None, "1", "5"]
    assert all(set(row) == {"id", "status", "answer", "reason", "seconds"} for row in rows)


@pytest.mark.usefixtures("lenient")
def test_a_pair_that_hangs_is_a_verdict_among_the_others(tmp_path: Path) -> None:
    rows = [{"gold": "1", "candidate": text, "equivalent": True} for text in ("1", "hang", "2")]
    path = str(written(tmp_path / "p", rows))
    report = json.loads(
        verify("--pairs", path, "--timeout", "0.3", "--json", verifier="lenient").stdout
    )
    assert report["by_source"]["-"]["statuses"] == {"correct": 2, "timeout": 1}
    assert 0.3 <= report["max_seconds"] < 1.0


@pytest.mark.usefixtures("lenient")
def test_faults_without_end_are_figures_and_no_alarm(tmp_path: Path) -> None:
    rows = [{"gold": "1", "candidate": str(i)} for i in range(40)]
    arguments = ("--pairs", str(written(tmp_path / "p", rows)), "--set", "verdict=error", "--json")
    report = json.loads(verify(*arguments, verifier="lenient").stdout)
    assert report["by_source"]["-"] == {
        "n": 40,
        "equivalent": 0,
        "recall": None,
        "false_positives": 0,
        "agreement": None,
        "statuses": {"error": 40},
    }


def test_the_99th_percentile_is_the_nearest_rank() -> None:
    pair = Pair("1", candidate="1")
    verdict = Verdict(Status.CORRECT)
    judgements = [Judgement(pair, verdict, seconds / 1000) for seconds in range(200, 0, -1)]
    assert VerifierJudgements("v", judgements, 4.0).speed() == {
        "pairs_per_second": 50.0,
        "p99_seconds": 0.198,
        "max_seconds": 0.2,
    }


def test_what_has_no_label_counts_in_no_share() -> None:
    judged = figures([Judgement(Pair("1", candidate="1"), Verdict(Status.CORRECT), 0.1)])
    assert (judged["recall"], judged["agreement"], judged["false_positives"]) == (None, None, 0)


# --- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"gold": "1", "candidate": "1"}\n{"gold": "1"\n', ":2: "),
        (b'{"candidate": "1"}\n', ":1: Object missing required field `gold`"),
        (b'{"gold": "1"}\n', ":1: expected `candidate` or `candidate_gen`"),
        (b'{"gold": 1, "candidate": "1"}\n', ":1: Expected `str`, got `int` - at `$.gold`"),
        (b'{"gold": "1", "candidate": "\xff"}\n', ":1: "),
        (b'{"gold": "1", "candidate_gen": {"repeat": "x", "times": 1000000000}}\n', ":1: "),
        (b"\n", "there are no pairs"),
        (b"[]\n", ":1: "),
        (b"", "there are no pairs"),
    ],
)
def test_a_malformed_file_is_one_line(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(content)
    result = verify("--pairs", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {path}")
    assert result.stderr.count("\n") == 1
    assert expected in result.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--pairs", "absent.jsonl"], "error: absent.jsonl: cannot read: No such file"),
        (["--pairs", "."], "error: .: cannot read: Is a directory"),
        (["1", "1", "--set", "x"], "--set x: expected key.path=value"),
        (["1", "1", "--set", "x=1"], "x: unknown key"),
        (["1", "1", "--metadata", "[1]"], "expected a JSON object, got [1]"),
        (["1", "1", "--workers", "0"], "error: --workers: "),
        (["1", "1", "--timeout", "-1"], "error: --timeout: "),
        (["1", "1", "--memory-mb", "1"], "error: --memory-mb: "),
        (["--pairs", "p", "--out", "./p"], "--out is the file of the pairs"),
        (["1", "1", "--memory-mb", "x"], "'x' is not a valid integer"),
        (["--pairs", "p", "--against", "nobody"], "no verifier named 'nobody'"),
    ],
)
def test_bad_options_are_one_line(arguments: list[str], expected: str) -> None:
    result = verify(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert expected in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments", [[], ["1"], ["1", "2", "--pairs", "p"], ["1", "2", "--out", "o"], ["--pair", "p"]]
)
def test_what_is_asked_has_to_be_clear(arguments: list[str]) -> None:
    result = verify(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")


def test_an_out_file_that_cannot_be_written(pairs: Path, tmp_path: Path) -> None:
    result = verify("--pairs", str(pairs), "--out", str(tmp_path))
    assert result.exit_code == 2
    assert "cannot write" in result.stderr.splitlines()[-1]
    assert "source" in result.stdout


# --- the data --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["verifier_hostile_dev", "verifier_pairs_dev"])
def test_the_labelled_data_is_read_whole(name: str, tmp_path: Path) -> None:
    path = ROOT.parent / "shared" / "data" / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    out = tmp_path / "out.jsonl"
    assert verify("--pairs", str(path), "--out", str(out), "--json").exit_code == 0
    ids = [json.loads(line)["id"] for line in path.read_text().splitlines()]
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == ids


def test_the_default_verifier_is_sympy() -> None:
    if not any(entry.provider.name == "sympy" for entry in Registry.discover().entries):
        pytest.skip("the verifier sympy is not installed")
    result = CliRunner().invoke(main, ["verify", "1/2", "\\boxed{\\frac{1}{2}}"])
    assert result.exit_code == 0, result.output


def test_malformed_lines_may_be_left_out_and_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    good = b'{"gold": "1", "candidate": "\\\\boxed{1}", "equivalent": true, "source": "own"}\n'
    path.write_bytes(b"\xef\xbb\xbf" + good + b"\n{}\n" + good + b"[\n")
    result = verify("--pairs", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert ":3: " in result.stderr
    assert "(2 lines are malformed)" in result.stderr
    result = verify("--pairs", str(path), "--skip-malformed", "--json")
    assert result.exit_code == 0
    assert "left out 2 malformed lines" in result.stderr
    assert json.loads(result.stdout)["by_source"]["own"]["statuses"] == {"correct": 2}


def test_a_file_of_malformed_lines_alone_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text("[\n{}\n")
    result = verify("--pairs", str(path), "--skip-malformed")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {path}: every line is malformed; first: {path}:1: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("levels", [101, 990, 5000])
def test_metadata_that_is_nested_deep_is_one_line(tmp_path: Path, levels: int) -> None:
    metadata = '{"a": ' * levels + "1" + "}" * levels
    path = tmp_path / "pairs.jsonl"
    path.write_text(
        f'{{"gold": "1", "candidate": "1", "equivalent": true, "metadata": {metadata}}}'
    )
    result = verify("--pairs", str(path))
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: {path}:1: ")
