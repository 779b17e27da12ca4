"""`astro show` and `astro graph` on a small run and on texts and trees that are hard to show."""

from __future__ import annotations

import xml.dom.minidom
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from small_runs import small_config

import astro
from astro.cli.app import main
from astro.config.loading import parse_config
from astro.engine.sampling import Sample
from astro.files import read_lines, write_lines
from astro.plugins.registry import Registry
from astro.runs.scoring import EvaluatedProblem
from astro.types import (
    FinishReason,
    Node,
    Problem,
    SearchTree,
    Segment,
    SegmentKind,
    Status,
    Step,
    Verdict,
)

HOSTILE = "\x1b[31m[red]\u202e"


def chain(depth: int) -> SearchTree:
    nodes = [
        Node(i, i - 1 if i else None, Step(f"s{i}\n"), i, i == depth) for i in range(depth + 1)
    ]
    for node in nodes[:-1]:
        node.children.append(node.id + 1)
    nodes[-1].verdict = Verdict(Status.TIMEOUT)
    return SearchTree(Problem("deep", HOSTILE, "1"), nodes)


def wide(width: int) -> SearchTree:
    root = Node(0, None, Step(""), 0, children=list(range(1, width + 1)))
    answer = Verdict(Status.INCORRECT, HOSTILE)
    nodes = [Node(i, 0, Step(f"w{i} {HOSTILE}"), 1, True, verdict=answer) for i in root.children]
    return SearchTree(Problem("wide", "?", "1"), [root, *nodes])


def sample(text: str, status: Status) -> Sample:
    return Sample(text, (), (), FinishReason.STOP, Verdict(status, "1"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    registry = Registry.discover()
    astro.run(parse_config(small_config(runs), registry), runs=runs, registry=registry)
    root = runs / "small"
    trees = [*read_lines(root / "trees.jsonl", SearchTree), chain(2000), wide(500)]
    write_lines(root / "trees.jsonl", trees)
    segments = [
        Segment("w1\n", 1),
        Segment("But wait", 1, SegmentKind.REFLECTION),
        Segment("again\n", 0, SegmentKind.BACKTRACK),
        Segment(HOSTILE, 2),
    ]
    row = {"id": "wide#0", "problem": "wide", "messages": [], "segments": segments, "answer": "1"}
    write_lines(root / "traces.jsonl", [row])
    text = f"a {HOSTILE}\nb\nLet's go back to where we had: a {HOSTILE}\nc\n"
    problem = Problem("p/1", "2 - 1?", "1")
    greedy, other = sample(text, Status.CORRECT), sample("[/]", Status.UNPARSED)
    write_lines(root / "eval" / "base.jsonl", [EvaluatedProblem(problem, [other], [greedy])])
    write_lines(root / "failures.jsonl", [{"task": "search/x", "reason": f"no\n{HOSTILE}"}])
    return root


def show(folder: Path, *options: str, columns: int = 80) -> Result:
    env = {"COLUMNS": str(columns)}
    return CliRunner(env=env).invoke(main, ["show", str(folder), *options])


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--tree", "deep"],
        ["--tree", "wide"],
        ["--tree", "wide", "--trace", "0"],
        ["--tree", "wide", "--node", "7"],
        ["--failures"],
        ["--responses", "base"],
        ["--responses", "base", "--problem", "p/1"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("columns", [80, 20])
def test_nothing_steers_the_terminal_or_floods_it(
    folder: Path, options: list[str], columns: int
) -> None:
    result = show(folder, *options, columns=columns)
    assert result.exit_code == 0, result.output
    assert not {"\x1b", "\u202e"} & set(result.stdout)
    assert len(result.stdout.splitlines()) < 150
    if options[:1] == ["--tree"] and columns == 80:
        assert max(map(len, result.stdout.splitlines())) <= 80


def test_no_columns_are_the_usual_ones(folder: Path) -> None:
    assert show(folder, columns=0).stdout == show(folder, columns=100).stdout != ""


def test_a_run_is_named_where_a_group_of_runs_is_given(folder: Path, tmp_path: Path) -> None:
    """A study holds runs by seed and arm."""
    assert "such as runs/quickstart\n" in show(tmp_path).stderr
    (tmp_path / "seed-0").mkdir()
    (tmp_path / "seed-0" / "astro").symlink_to(folder)
    assert f"such as {tmp_path / 'seed-0' / 'astro'}\n" in show(tmp_path).stderr


def test_only_an_error_is_shown_of_a_model_without_responses(folder: Path) -> None:
    result = show(folder, "--responses", "nobody")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)


def test_a_deep_tree_is_not_indented_and_its_middle_is_counted(folder: Path) -> None:
    shown = show(folder, "--tree", "deep").stdout
    assert "1 N 0 Q 0.00 P 1.00 s1\n" in shown
    assert "2000 N 0 Q 0.00 P 1.00 timed out s2000" in shown
    assert "… 1,911 lines more, which --all shows …" in shown
    whole = show(folder, "--tree", "deep", "--all").stdout
    assert [line.split()[-1] for line in whole.splitlines()[4:2004]] == [
        f"s{i}" for i in range(1, 2001)
    ]


def test_verdicts_are_words_and_siblings_are_aligned(folder: Path) -> None:
    shown = show(folder, "--tree", "wide").stdout
    assert "├╴1 N 0 Q 0.00 P 1.00 wrong: ␛[31m[red]\\u202e w1" in shown
    assert "└╴500 N 0 Q 0.00 P 1.00 wrong: " in shown
    assert "--trace 0 shows a trace of sft: 4 segments, 1 backtrack\n" in shown


def test_a_trace_names_the_node_of_each_segment(folder: Path) -> None:
    lines = show(folder, "--tree", "wide", "--trace", "0").stdout.splitlines()
    assert lines[1:] == [
        "1 node 1 wrong: ␛[31m[red]\\u202e",
        "  w1",
        "2 reflection on node 1 wrong: ␛[31m[red]\\u202e",
        "  But wait",
        "3 back to the beginning ",
        "  again",
        "4 node 2 wrong: ␛[31m[red]\\u202e",
        "  ␛[31m[red]\\u202e",
        "answer: 1",
    ]


def test_a_response_is_drawn_with_the_returns_it_makes(folder: Path) -> None:
    lines = show(folder, "--responses", "base", "--problem", "0").stdout.splitlines()
    assert lines[3:10] == [
        "",
        "greedy, right: 1",
        "4 parts, 0 reflections, 1 backtrack",
        "1 a ␛[31m[red]\\u202e",
        "├╴2 b",
        "│ 3 back to 1: Let's go back to where we had: a ␛[31m[red]\\u202e",
        "└╴4 c",
    ]
    assert "1 [/]" in lines


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tree", "nope"], "has no problem 'nope'; the first of it are set/0, set/1, set/2"),
        (["--tree", "wide", "--node", "501"], "the tree has no node 501; its nodes are 0 to 500"),
        (["--tree", "wide", "--trace", "1"], "the tree has no trace 1; it has 1 trace"),
        (["--responses", "../base"], "has no responses of '../base'; it has: base"),
        (["--node", "1"], "--node and --trace go with --tree"),
        (["--tree", "a", "--failures"], "exclude one another"),
    ],
)
def test_what_a_run_has_not_is_one_line(folder: Path, options: list[str], said: str) -> None:
    result = show(folder, *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.output


def test_a_folder_without_a_run_says_so(tmp_path: Path) -> None:
    result = show(tmp_path)
    assert result.exit_code == 2
    assert "holds no run" in result.stderr


def test_graph_draws_a_file_and_an_image_that_loads_nothing(tmp_path: Path) -> None:
    path, image = tmp_path / "r.txt", tmp_path / "r.svg"
    path.write_text("## Step 1: <b>\n\n\ufffe\n\nLet's start over from the problem itself.\n\nx")
    options = ["--step-format", "markdown", "--svg", str(image)]
    result = CliRunner().invoke(main, ["graph", str(path), *options])
    assert result.exit_code == 0, result.output
    assert "back to the beginning: Let's start over from the problem itself." in result.stdout
    drawn = image.read_text("utf-8")
    xml.dom.minidom.parseString(drawn)
    assert "&lt;b&gt;" in drawn
    assert "url(" not in drawn.replace("url(#", "")
    assert "//" not in drawn.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_graph_refuses_what_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    path.write_bytes(b"a\xff")
    result = CliRunner().invoke(main, ["graph", str(path)])
    assert (result.exit_code, "no UTF-8 text at byte 1" in result.stderr) == (2, True)
    assert not result.stdout
