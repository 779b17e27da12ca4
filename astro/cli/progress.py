"""Draws the events of a run on stderr.

A terminal shows progress bars and a panel for RL; a log gets a few plain lines.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from astro.cli.options import VERBOSITY
from astro.cli.panel import RLPanel, TreePanel, number
from astro.events import (
    Event,
    ExperimentFinished,
    Listener,
    Notice,
    ProblemFailed,
    StageFinished,
    StageProgress,
    StageStarted,
    TreeGrown,
)
from astro.text import one_line

if TYPE_CHECKING:
    from astro.config.run import RunConfig

EVERY_SECONDS = 10.0
EVERY_SHARE = 0.1
WATCHED = (
    "solved",
    "pass@1",
    "reward",
    "loss",
    "nodes",
    "traces",
    "backtracks",
    "rewritten",
    "response_length",
    "tokens/s",
    "prefix hits",
    "cost",
)
"""The metrics that are shown. Trainers report more, which are in their metrics files."""


@contextmanager
def progress(console: Console | None = None) -> Iterator[Listener]:
    """A listener that draws on `console`, stderr by default, while the context lasts.

    A command's -q leaves notices and failures, and its -v gives a line for each event.
    """
    console, verbosity = console or Console(stderr=True), _verbosity()
    if verbosity or not console.is_terminal:
        lines = PlainProgress(lambda line: console.out(line, highlight=False), verbosity=verbosity)
        yield _notices_once(lines)
        return
    bars, panel, tree = _bars(console), RLPanel(), TreePanel()
    redirected = sys.stdout.isatty()  # a file or a pipe gets its lines itself
    with Live(Group(panel, tree, bars), console=console, redirect_stdout=redirected):
        yield _notices_once(LiveProgress(bars, panel, tree))


def _verbosity() -> int:
    """1 if the command was given -v, and -1 if it was given -q."""
    context = click.get_current_context(silent=True)
    return context.meta.get(VERBOSITY, 0) if context else 0


def _notices_once(listener: Listener) -> Listener:
    """Drop notices that were given before, for example by another arm of a study."""
    given: set[str] = set()

    def forward(event: Event) -> None:
        if isinstance(event, Notice):
            if event.text in given:
                return
            given.add(event.text)
        listener(event)

    return forward


class LiveProgress:
    """One bar per stage, with its ETA and current metrics, and panels of the search and of RL."""

    def __init__(self, bars: Progress, panel: RLPanel, tree: TreePanel) -> None:
        self._bars = bars
        self._panel = panel
        self._tree = tree
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, event: Event) -> None:
        """Update the bar of the stage that the event is about."""
        match event:
            case StageStarted(stage, total, unit, done):
                self._tasks[stage] = self._bars.add_task(
                    one_line(stage), total=total or None, completed=done, unit=unit, figures=""
                )
            case StageProgress(stage, done, total, fields) if stage in self._tasks:
                task = self._tasks[stage]
                self._bars.update(task, completed=done, total=total, figures=figures(fields))
                self._panel.show(fields)
            case StageFinished(stage, fields=fields, skipped=False) if stage in self._tasks:
                self._finish(self._tasks[stage], fields)
                if self._bars.tasks[self._tasks[stage]].total is None:
                    self._print(event)
            case TreeGrown():
                self._tree.show(event)
            case StageFinished() | ProblemFailed() | Notice():
                self._print(event)
            case _:
                pass

    def _print(self, event: Event) -> None:
        self._bars.console.print(Text(one_line(sentence(event))))

    def _finish(self, task: TaskID, fields: Mapping[str, float]) -> None:
        self._panel.clear()
        self._tree.clear()
        total = self._bars.tasks[task].total
        self._bars.update(task, completed=total, visible=total is not None)
        if fields:
            self._bars.update(task, figures=figures(fields))


class PlainProgress:
    """Lines for logs: the start and end of a stage, and one per tenth of it or per ten seconds.

    With `verbosity` 1 there is a line for every event, with all metrics; with -1, stages are left
    out.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        *,
        verbosity: int = 0,
    ) -> None:
        self._verbosity = verbosity
        self._write = write
        self._clock = clock
        self._started: dict[str, tuple[float, int]] = {}
        self._first: dict[str, tuple[float, int]] = {}
        self._last: dict[str, tuple[float, int]] = {}

    def __call__(self, event: Event) -> None:
        """Write the event as a line, if one is due."""
        if isinstance(event, TreeGrown) or (
            self._verbosity < 0 and not isinstance(event, Notice | ProblemFailed)
        ):
            return
        match event:
            case StageStarted(stage=stage, done=done):
                self._started[stage] = self._last[stage] = (self._clock(), done)
                self._first.pop(stage, None)
            case StageProgress(stage=stage, done=done):
                self._first.setdefault(stage, (self._clock(), done))
                if not self._due(event):
                    return
                self._last[stage] = (self._clock(), done)
            case _:
                pass
        eta = self._eta(event) if isinstance(event, StageProgress) else ""
        self._write(one_line(sentence(event, every=self._verbosity > 0) + eta))

    def _due(self, event: StageProgress) -> bool:
        when, done = self._last.get(event.stage, (0.0, 0))
        waited = self._clock() - when >= EVERY_SECONDS or self._verbosity > 0
        return waited or event.done - done >= EVERY_SHARE * max(event.total, 1)

    def _eta(self, event: StageProgress) -> str:
        """The remaining seconds, from the mean pace since the first progress in this process.

        What came before that, such as loading a model, is not part of the pace. Only if the first
        progress is a tenth or more of the whole, it is measured from the start of the stage.
        """
        when, done = self._first[event.stage]
        start, before = self._started.get(event.stage, (0.0, 0))
        if event.done == done and done - before >= EVERY_SHARE * event.total:
            when, done = start, before
        pace = (event.done - done) / max(self._clock() - when, 1e-9)
        left = event.total - event.done
        return f"  eta {_duration(left / pace)}" if pace > 0 and left > 0 else ""


def headed(
    listener: Listener, folder: Path, configs: Sequence[RunConfig], seeds: Sequence[int] = ()
) -> Listener:
    """Give the folder, policies, models, devices and seeds before the first event.

    `configs` are that of a run or of rounds, or those of a study's arms, which have their own
    `seeds`. With -q, nothing is added.
    """
    if _verbosity() < 0:
        return listener
    policies = "; ".join(dict.fromkeys(_policy(config) for config in configs))
    numbers = ", ".join(map(str, seeds or [configs[0].seed]))
    title = "seeds" if len(seeds) > 1 else "seed"
    head = Notice(f"{folder.name}: in {folder}/; policy {policies}; {title} {numbers}")

    def forward(event: Event) -> None:
        listener(head)  # again before each event: a notice is shown once
        listener(event)

    return forward


def _policy(config: RunConfig) -> str:
    """The policy's name, model and device."""
    policy = config.policy
    facts = (str(policy.params[key]) for key in ("model", "device") if key in policy.params)
    return ", ".join((policy.name, *facts))


def sentence(event: Event, *, every: bool = False) -> str:
    """An event in one line, with `every` metric or the most important ones."""
    match event:
        case StageStarted(stage, total, unit, done):
            count = f"{total} {unit}" if total else unit
            return f"{stage}: {count}" + (f", {done} done before" if done else "")
        case StageProgress(stage, done, total, fields):
            return f"{stage}: {done}/{total}  {figures(fields, every=every)}".rstrip()
        case StageFinished(stage, seconds, fields, skipped):
            how = f"finished in {_duration(seconds)}  {figures(fields, every=every)}".rstrip()
            return f"{stage}: {'done before' if skipped else how}"
        case ExperimentFinished(folder):
            return f"all runs are done, and {folder / 'results.json'} is written"
        case ProblemFailed(stage, problem_id, reason):
            return f"{stage}: problem {problem_id} failed: {' '.join(reason.split())}"
        case TreeGrown(problem=text) | Notice(text=text):
            return text


def figures(fields: Mapping[str, float], *, every: bool = False) -> str:
    """The most important metrics in one line, `solved 0.94  tokens/s 1,840`, or `every` one."""
    names = [name for name in WATCHED if name in fields]
    if every:
        names += [name for name in fields if name not in WATCHED]
    return "  ".join(f"{name} {number(fields[name])}" for name in names)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16, table_column=Column(min_width=8)),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}", markup=False),
        TimeRemainingColumn(
            compact=True, elapsed_when_finished=True, table_column=Column(min_width=5)
        ),
        TextColumn(
            "{task.fields[figures]}", markup=False, table_column=Column(ratio=1, no_wrap=True)
        ),
        console=console,
        expand=True,
    )
