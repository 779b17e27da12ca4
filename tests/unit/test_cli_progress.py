"""How events become lines and bars, and scores a table."""

from __future__ import annotations

import io
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.console import Console, RenderableType

from astro.cli import main
from astro.cli.progress import PlainProgress, _verbosity, figures, headed, progress, sentence
from astro.cli.results import outcome, score_table
from astro.events import Event, Notice, ProblemFailed, StageFinished, StageProgress, StageStarted
from astro.experiments.loading import load
from astro.experiments.study import Study
from astro.metrics import Estimate
from astro.runs.runner import RunResult
from astro.runs.stages.report import SampleResponse
from astro.types import Problem

CONFIGS = Path(__file__).parents[2] / "configs"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def plain_lines(*events: tuple[float, Event]) -> list[str]:
    lines: list[str] = []
    clock = Clock()
    listener = PlainProgress(lines.append, clock)
    for clock.now, event in events:
        listener(event)
    return lines


def test_plain_progress_speaks_each_tenth() -> None:
    steps = [(0.001 * n, StageProgress("search", n, 1000)) for n in range(1, 1001)]
    lines = plain_lines((0.0, StageStarted("search", 1000, "trees")), *steps)
    assert lines[0] == "search: 1000 trees"
    assert [line.split()[1] for line in lines[1:]] == [f"{n}00/1000" for n in range(1, 11)]


def test_plain_progress_speaks_each_ten_seconds_of_a_slow_stage() -> None:
    steps = [(float(n), StageProgress("rl", n, 1000)) for n in range(1, 31)]
    lines = plain_lines((0.0, StageStarted("rl", 1000, "steps")), *steps)
    assert [line.split()[1] for line in lines[1:]] == ["10/1000", "20/1000", "30/1000"]


def test_eta_counts_only_what_was_done_since_the_start() -> None:
    lines = plain_lines(
        (100.0, StageStarted("search", 100, "trees", done=60)),
        (110.0, StageProgress("search", 80, 100, {"solved": 0.5})),
    )
    assert lines == ["search: 100 trees, 60 done before", "search: 80/100  solved 0.5  eta 0:10"]


def test_a_slow_start_is_no_part_of_the_pace() -> None:
    lines = plain_lines(
        (0.0, StageStarted("search", 400, "trees")),
        (38.0, StageProgress("search", 1, 400)),
        (48.0, StageProgress("search", 101, 400)),
    )
    assert lines == ["search: 400 trees", "search: 1/400", "search: 101/400  eta 0:30"]


def test_a_notice_is_given_once() -> None:
    stream = io.StringIO()
    for terminal in (False, True):
        with progress(Console(file=stream, force_terminal=terminal, width=120)) as listener:
            for text in ("decontamination: 0 left out", "other", "decontamination: 0 left out"):
                listener(Notice(text))
    assert stream.getvalue().count("decontamination") == 2


def test_a_stage_that_ends_without_progress_has_no_empty_bar() -> None:
    stream = io.StringIO()
    with progress(Console(file=stream, force_terminal=True, width=120)) as listener:
        listener(StageStarted("sft", 0, "steps"))
        listener(StageFinished("sft", 1.0))
    assert "sft: finished in 0:01" in stream.getvalue()
    assert "0/?" not in stream.getvalue().rpartition("finished")[2]


def test_a_stage_of_unknown_length_is_told() -> None:
    lines = plain_lines(
        (0.0, StageStarted("rl", 0, "steps")), (1.0, StageProgress("rl", 1, 4, {"reward": 0.25}))
    )
    assert lines == ["rl: steps", "rl: 1/4  reward 0.25  eta 0:03"]


def test_sentences() -> None:
    assert sentence(StageFinished("sft", 3725.2)) == "sft: finished in 1:02:05"
    assert sentence(StageFinished("sft", 0.0, skipped=True)) == "sft: done before"
    failed = ProblemFailed("search", "p1", "timed\nout")
    assert sentence(failed) == "search: problem p1 failed: timed out"


def test_figures() -> None:
    fields = {"tokens/s": 18403.2, "solved": 0.9371, "nodes": 7, "verdict/timeout": 0.0}
    assert figures(fields) == "solved 0.937  nodes 7  tokens/s 18,403"
    assert figures({"loss": float("nan"), "reward": float("inf")}) == "reward inf  loss nan"


def test_untrusted_text_reaches_neither_kind_of_progress() -> None:
    for terminal in (True, False):
        stream = io.StringIO()
        console = Console(file=stream, force_terminal=terminal, width=100)
        with progress(console) as listener:
            listener(Notice("[link=x]hello\x1b]0;title\x07"))
            listener(ProblemFailed("search", "[red]p", "\x1b[2Jboom"))
        assert "[link=x]hello" in stream.getvalue()
        assert "[red]p" in stream.getvalue()
        assert "\x1b[2J" not in stream.getvalue()
        assert "\x1b]0;" not in stream.getvalue()


def test_live_progress_draws_a_bar_a_stage() -> None:
    stream = io.StringIO()
    with progress(Console(file=stream, force_terminal=True, width=120)) as listener:
        listener(StageFinished("search", 0.0, skipped=True))
        listener(StageStarted("rl", 0, "steps"))
        listener(StageProgress("rl", 3, 4, {"reward": 0.5}))
        listener(StageFinished("rl", 1.0))
        listener(StageFinished("report", 1.0))
    drawn = stream.getvalue()
    assert "search: done before" in drawn
    assert "steps" in drawn
    assert "reward 0.5" in drawn
    assert "4/4" in drawn
    assert "report: finished in 0:01" in drawn


def drawn(part: RenderableType, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(part)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_scores_are_rows_of_models_with_an_interval() -> None:
    half = Estimate(0.5, 0.45, 0.55)
    scores = {
        "rl": {"pass@1": half, "pass@8": half, "success_after_backtrack": half},
        "base": {"pass@1": Estimate(0.2, 0.15, 0.25), "response_length": Estimate(20.25, 19, 21)},
    }
    lines = [line.split() for line in drawn(score_table(scores)).splitlines()]
    assert ["base", "20.0", "[15.0,", "25.0]", "-", "20.2", "-"] in lines
    assert ["ASTRO-RL", "50.0", "[45.0,", "55.0]", "50.0", "-", "50.0"] in lines
    assert [line[0] for line in lines if line and line[0] in {"base", "ASTRO-RL"}] == [
        "base",
        "ASTRO-RL",
    ]


def test_the_caption_says_which_columns_are_not_in_percent() -> None:
    half = Estimate(0.5, 0.45, 0.55)
    all_in_percent = drawn(score_table({"base": {"pass@1": half}}))
    assert " ".join(all_in_percent.split()).endswith("55.0] in %, with 95 % intervals")
    assert "per response" not in all_in_percent
    mixed = drawn(score_table({"base": dict.fromkeys(("pass@1", "backtracks"), half)}))
    words = " ".join(mixed.split())
    assert words.endswith("backtracks per response, all else in %, with 95 % intervals")
    both = dict.fromkeys(("pass@1", "response_length", "backtracks"), half)
    words = " ".join(drawn(score_table({"base": both})).split())
    assert "mean tokens and backtracks per response" in words


def test_the_table_of_four_models_fits_a_narrow_terminal() -> None:
    keys = ("pass@1", "greedy", "pass@8", "maj@8", "legal", "with_backtrack", "backtracks")
    third = Estimate(0.333, 0.303, 0.363)
    row = dict.fromkeys((*keys, "response_length", "success_after_backtrack"), third)
    table = score_table({"base": row, "direct_sft": row, "sft": row, "rl": row})
    assert "…" not in drawn(table, width=80)
    assert drawn(table, width=80).split() == drawn(table, width=200).split()


def test_an_outcome_shows_examples_as_text_and_the_folder() -> None:
    problem = Problem("a", "use 1 2", "3")
    example = SampleResponse(
        "ASTRO-RL [bold]", "rl", problem, "1 + 2 = 3\x1b[2J [blink]wait", "correct"
    )
    parts = outcome(RunResult(Path("runs/x"), {}, [example]))
    shown = "".join(map(drawn, parts))
    assert "ASTRO-RL [bold]" in shown
    assert "[blink]wait" in shown
    assert "\x1b" not in shown
    assert "runs/x/" in shown


def test_quiet_leaves_notices_and_failures_and_verbose_gives_every_metric() -> None:
    events = (
        StageStarted("rl", 100, "steps"),
        StageProgress("rl", 1, 100, {"reward": 0.5, "kl": 0.25}),
        StageProgress("rl", 2, 100, {"reward": 0.5}),
        Notice("a notice"),
        ProblemFailed("rl", "p", "lost"),
    )

    def shown(verbosity: int) -> list[str]:
        lines: list[str] = []
        listener = PlainProgress(lines.append, Clock(), verbosity=verbosity)
        for event in events:
            listener(event)
        return lines

    told = ["a notice", "rl: problem p failed: lost"]
    assert shown(-1) == told
    assert shown(0) == ["rl: 100 steps", *told]
    assert shown(1) == [
        "rl: 100 steps",
        "rl: 1/100  reward 0.5  kl 0.25",
        "rl: 2/100  reward 0.5  eta 0:00",
        *told,
    ]


@pytest.mark.parametrize("name", ["run", "rl", "evaluate", "verify"])
def test_commands_with_progress_can_be_quiet_or_verbose(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    monkeypatch.setattr(command, "callback", lambda **_: print(_verbosity()))
    for flags, value in (
        ([], 0),
        (["-q"], -1),
        (["--quiet"], -1),
        (["-v"], 1),
        (["-q", "--verbose"], 1),
    ):
        result = CliRunner().invoke(main, [name, *(["c.yaml"] * (name != "verify")), *flags])
        assert (result.exit_code, result.stdout) == (0, f"{value}\n"), result.output


def test_quiet_prints_nothing_of_a_run_that_goes_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    row = '{"gold": "1", "candidate": "\\\\boxed{1}", "label": true}\n'
    (tmp_path / "pairs.jsonl").write_text(row * 20)
    told = ["verify", "--verifier", "exact", "--pairs", "pairs.jsonl"]
    assert "exact: 20/20" in CliRunner().invoke(main, told).stderr
    assert CliRunner().invoke(main, [*told, "-q"]).stderr == ""


def test_studies_and_rounds_have_a_header_too() -> None:
    study, rounds = (load(CONFIGS / f"countdown-{name}.yaml") for name in ("claim", "rounds"))
    assert isinstance(study, Study)
    given: list[Event] = []
    for loaded, seeds in ((study, study.seeds), (rounds, ())):
        headed(given.append, Path("runs") / loaded.name, loaded.configs(), seeds)(Notice("a"))
    assert given[::2] == [
        Notice(
            "countdown-claim: in runs/countdown-claim/; policy transformers, tiny-countdown; "
            "seeds 0, 1, 2"
        ),
        Notice(
            "countdown-rounds: in runs/countdown-rounds/; policy transformers, tiny-countdown; "
            "seed 0"
        ),
    ]


@pytest.mark.parametrize(("width", "table"), [(50, False), (60, False), (100, True)])
def test_scores_keep_the_names_of_models_at_any_width(width: int, table: bool) -> None:
    names = ("pass@1", "greedy", "pass@8", "maj@8", "legal", "response_length", "backtracks")
    figures = dict.fromkeys((*names, "with_backtrack", "success_after_backtrack"), NARROW)
    result = RunResult(Path("runs/x"), {"base": figures, "sft": figures}, [])
    stream = io.StringIO()
    for part in outcome(result):
        Console(file=stream, width=width).print(part)
    printed = stream.getvalue()
    assert "…" not in printed
    words = printed.split()
    assert {"base", "ASTRO-SFT"} <= {word.rstrip(":") for word in words}
    assert ("base:" in words) != table
    assert table or "pass@1 50.0 [25.0, 75.0], greedy 50.0," in " ".join(words)


NARROW = Estimate(0.5, 0.25, 0.75)
