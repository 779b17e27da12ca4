"""The tables of the page, whose figures are those of the run's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from astro.events import ExperimentFinished
from astro.experiments.accuracy import SearchComparison, SearchPoint
from astro.experiments.comparison import Correlation, Difference, Matched, StudyResult
from astro.experiments.inference import Searched
from astro.experiments.rounds import Round, RoundsResult
from astro.experiments.tables import round_tables, study_tables
from astro.files import write_json
from astro.metrics import Estimate
from astro.plugins.registry import Registry
from astro.runs.scoring import Group
from astro.runs.stages.evaluate import ScoresFile
from astro_report import write_report_at_the_end
from astro_report.differences import difference_table
from astro_report.documents import ResponseList, TreeList
from astro_report.experiments import experiment_content
from astro_report.paper import paper_table, read_paper
from astro_report.report import write_report
from astro_report.results import score_tables
from astro_report.searching import search_tables

HALF = Estimate(0.5, 0.25, 0.75)
STUDY = StudyResult(
    problems=7,
    seeds=[{"seed": 3, "base": 10.0, "a_sft": 20.0}, {"seed": 4, "base": 20.0, "a_sft": 50.0}],
    legal=[],
    right_and_legal=[],
    differences=[Difference("a_sft", "base", [HALF, HALF], Estimate(20.0, 1.0, 39.0))],
    matched=[Matched(3, "base", "a_sft", 99.6, 4, 101.2, 12.5, 25.0)],
    searched=[Searched(3, 100, 88.0, 42.0)],
    correlations=[Correlation(3, "a_rl", 30, Estimate(0.816, 0.64, 0.91))],
)


def group(name: str, key: str = "", value: str = "") -> Group:
    return Group(name, key, value, 4, {"sft": {"pass@1": HALF}})


def test_a_comparison_is_drawn_by_tokens_and_not_by_budget(tmp_path: Path) -> None:
    points = [
        SearchPoint("vote", 90, HALF, Estimate(80.0, 70.0, 90.0), 90, 1.0, 0.1),
        SearchPoint("vote", 30, Estimate(0.25, 0.0, 0.5), Estimate(30.0, 30.0, 30.0), 30, 1.0, 0.1),
    ]
    result = SearchComparison(4, [0], {"vote": "majority"}, points, [])
    write_json(tmp_path / "results.json", result)
    content = experiment_content(tmp_path)
    (curve,) = content.run.accuracy
    assert (curve.search, curve.tokens) == ("vote", [30.0, 80.0])
    assert (curve.accuracy, curve.low, curve.high) == ([0.25, 0.5], [0.0, 0.25], [0.5, 0.75])
    assert content.results[0].rows[0][1:4] == ["90", "80", "50.0 [25.0, 75.0]"]
    (path,) = write_report(tmp_path, Registry.discover(), tmp_path / "report.html")
    assert "Accuracy against tokens" in path.read_text()


def test_scores_are_shown_as_the_file_has_them() -> None:
    figures = {
        "pass@1": Estimate(1 / 3, 0.0, 0.987),
        "maj@8": HALF,
        "truncated": Estimate(0.0, 0.0, 0.1),
        "backtracks": Estimate(1.25, 0.5, 2.0),
        "verdict/bad_reference": Estimate(0.04, 0.0, 0.08),
    }
    accuracy, responses, verdicts = score_tables(ScoresFile({"sft": figures}), "base")
    assert accuracy.columns == ["", "pass@1", "maj@8"]
    assert accuracy.rows == [["ASTRO-SFT", "33.3 [0.0, 98.7]", "50.0 [25.0, 75.0]"]]
    assert responses.columns == ["", "truncated", "backtracks per response"]
    assert responses.rows == [["ASTRO-SFT", "0.0 [0.0, 10.0]", "1.25 [0.50, 2.00]"]]
    assert verdicts.columns == ["", "bad reference"]


def test_parts_are_sorted_as_numbers_and_empty_values_are_named() -> None:
    found = [group("", "level", value) for value in ("", "10", "9", "hard", "2.5")]
    *_, table = score_tables(ScoresFile({}, found), "base")
    assert table.title == "By level"
    parts = [row[0].split(" (")[0] for row in table.rows]
    assert parts == ["2.5", "9", "10", "(empty)", "hard"]


def test_differences_are_paired_on_the_problems_that_both_models_have() -> None:
    first = ResponseList(id=["x", "y", "z"], evaluation_set=["s"] * 3)
    first.samples, first.correct = [4, 4, 4], [4, 2, 0]
    second = ResponseList(id=["y", "x"], evaluation_set=["s"] * 2, samples=[2, 2], correct=[0, 1])
    (table,) = difference_table({"one": first, "two": second})
    assert table.rows[0][0] == "one above two"
    assert table.rows[0][1].startswith("+50.0 [")
    assert "the 2 problems" in table.note
    assert not list(difference_table({"one": first}))


def test_search_counts_each_class_of_verdict_apart() -> None:
    trees = TreeList(
        id=["a", "b", "c"],
        size=[1, 9, 15],
        depth=[0, 3, 4],
        tokens=[None, 20, 30],
        ended=["cut", "finished", "finished"],
        verdicts=[{}, {"correct": 1, "none": 2}, {"timeout": 3}],
        traces=[0, 2, 0],
    )
    usage = {"search": {"prompt_tokens": 200.0, "cached_prompt_tokens": 150.0}}
    summary, size, depth, ends, spent = search_tables(trees, usage)
    assert ["solved", "1 of 3, 33.3 %"] in summary.rows
    assert ["tokens of the nodes", "50 in 2 trees"] in summary.rows
    assert size.rows == [["1", "1", "0", "0.0"], ["8 to 15", "2", "1", "50.0"]]
    assert [row[0] for row in depth.rows] == ["0", "2 to 3", "4 to 7"]
    assert ends.rows == [
        ["correct", "1", "16.7"],
        ["timeout", "3", "50.0"],
        ["none", "2", "33.3"],
    ]
    assert spent.rows == [["search", "200", "150", "75.0"]]
    assert not list(search_tables(TreeList(), usage))


def test_trees_without_verdicts_are_neither_solved_nor_unsolved() -> None:
    trees = TreeList(
        id=["a", "b", "c"],
        size=[2, 3, 4],
        depth=[1, 1, 1],
        tokens=[5, 5, 5],
        ended=["finished"] * 3,
        verdicts=[{"none": 2}, {"none": 2}, {"none": 1, "incorrect": 1}],
        traces=[0, 0, 0],
    )
    summary, size, *_ = search_tables(trees, {})
    assert ["solved", "0 of 1, 0.0 %; 2 without a verdict"] in summary.rows
    assert size.rows == [["2 to 3", "2", "-", "-"], ["4 to 7", "1", "0", "0.0"]]
    trees.verdicts[2] = {"none": 2}
    summary, *_ = search_tables(trees, {})
    assert ["solved", "no tree has a verdict"] in summary.rows


def test_paper_is_shown_beside_sets_of_its_benchmarks_only() -> None:
    paper = read_paper()
    (table,) = paper_table([group("aime24"), group("mine"), group("MATH-500")], "base", paper)
    assert table.columns == ["", "MATH-500", "AIME 2024"]
    assert table.rows[0] == ["ASTRO-SFT, this run", "50.0 [25.0, 75.0]", "50.0 [25.0, 75.0]"]
    assert ["ASTRO-RL, paper", "81.8", "30.0"] in table.rows
    assert not list(paper_table([group("mine"), group("math500", "level", "1")], "base", paper))


def test_study_is_one_table_over_arms_and_seeds() -> None:
    seeds, differences, tokens, correlations = study_tables(STUDY)
    assert seeds.columns == ["", "seed 3", "seed 4", "mean"]
    assert seeds.rows == [["base", "10.0", "20.0", "15.0"], ["a_sft", "20.0", "50.0", "35.0"]]
    assert differences.rows == [["a_sft above base", "+20.0 [+1.0, +39.0]", "+0.5 +0.5"]]
    assert tokens.rows == [
        ["seed 3, base, best of 4", "101", "12.5", "25.0"],
        ["seed 3, search by the base", "88", "-", "42.0"],
    ]
    assert correlations.rows == [["seed 3, a_rl", "30", "+0.82 [+0.64, +0.91]"]]


def test_rounds_are_a_table_over_rounds() -> None:
    turns = [Round(0, "m", {"dev": HALF}), Round(1, "n", {"dev": Estimate(1.0, 0.5, 1.0)})]
    (table,) = round_tables(RoundsResult(turns, 1, stalled=True))
    assert table.rows == [["base", "50.0 [25.0, 75.0]"], ["round 1", "100.0 [50.0, 100.0]"]]
    assert "Round 1 is the best" in table.note
    assert "had stopped rising" in table.note


@pytest.mark.parametrize("result", [{"mine": STUDY}, RoundsResult([Round(0, "m", {})], 0, False)])
def test_report_of_a_study_links_the_reports_of_its_runs(tmp_path: Path, result: object) -> None:
    write_json(tmp_path / "results.json", result)
    run = tmp_path / "seed-0" / "a"
    (run / "rl").mkdir(parents=True)
    (run / "config.yaml").touch()
    (run / "report.html").touch()
    (run / "rl" / "metrics.jsonl").write_text('{"step": 1, "reward": 0.5}\n')
    write_report(tmp_path, Registry([]), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    (tmp_path / "report.html").unlink()
    write_report_at_the_end(ExperimentFinished(tmp_path))
    assert (tmp_path / "report.html").read_text() == page
    assert '<a href="seed-0/a/report.html"><bdi>seed 0, a</bdi></a>' in page
    assert '"title":"seed 0, a, ASTRO-RL"' in page
