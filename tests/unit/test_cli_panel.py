"""RL's live panel."""

from __future__ import annotations

import io
import math

from rich.console import Console

from astro.cli.panel import RLPanel, sparkline
from astro.cli.progress import progress
from astro.events import StageFinished, StageProgress, StageStarted

STEP = {"reward": 0.25, "backtracks": 3.0, "verdict/correct": 0.25, "verdict/timeout": 0.0}


def drawn(panel: RLPanel) -> str:
    """What is on the screen, with single spaces."""
    console = Console(file=io.StringIO(), width=100)
    console.print(panel)
    assert isinstance(console.file, io.StringIO)
    return " ".join(console.file.getvalue().split())


def test_figures_are_shown_with_their_history() -> None:
    panel = RLPanel()
    panel.show(STEP)
    panel.show({**STEP, "reward": 0.75, "verdict/correct": 0.75})
    assert "reward ▁█ 0.75" in drawn(panel)
    assert "backtracks ▁▁ 3" in drawn(panel)
    assert "correct 75%" in drawn(panel)
    assert "timeout" not in drawn(panel)


def test_there_is_no_panel_for_what_is_not_rl_nor_after_it() -> None:
    panel = RLPanel()
    panel.show({"loss": 1.0})
    assert drawn(panel) == ""
    panel.show(STEP)
    panel.clear()
    assert drawn(panel) == ""


def test_a_figure_that_comes_late_and_one_alone_in_its_row_are_drawn() -> None:
    panel = RLPanel()
    panel.show(STEP)
    panel.show({**STEP, "success_after_backtrack": 0.5})
    assert "success_after_backtrack ▁ 0.5" in drawn(panel)


def test_sparklines() -> None:
    assert sparkline([0.0, 0.5, 1.0]) == "▁▅█"
    assert sparkline([2.0, 2.0]) == "▁▁"
    assert sparkline([0.0, math.nan, math.inf, 7.0]) == "▁??█"
    assert len(sparkline(list(range(100)))) == 10


def test_a_terminal_shows_the_panel_while_rl_goes_on() -> None:
    stream = io.StringIO()
    with progress(Console(file=stream, force_terminal=True, width=120, height=40)) as listener:
        listener(StageStarted("rl", 2, "steps"))
        listener(StageProgress("rl", 1, 2, STEP))
    assert "correct 25%" in stream.getvalue()
    stream = io.StringIO()
    with progress(Console(file=stream, force_terminal=True, width=120, height=40)) as listener:
        listener(StageStarted("rl", 2, "steps"))
        listener(StageProgress("rl", 1, 2, STEP))
        listener(StageFinished("rl", 1.0))
    assert "2/2" in stream.getvalue()


def test_nothing_of_a_border_can_be_left_behind_by_a_resize() -> None:
    panel = RLPanel()
    panel.show(STEP)
    assert not set("─│┌┐└┘╭╮╰╯━") & set(drawn(panel))
