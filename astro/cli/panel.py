"""Panels: RL's metrics with their course since the run started, and the tree that is searched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from astro.errors import AstroError
from astro.events import TreeGrown
from astro.runs.growing import newest_path
from astro.text import one_line

SHOWN = (
    "reward",
    "pass_rate",
    "backtracks",
    "backtrack_share",
    "success_after_backtrack",
    "response_length",
    "entropy",
    "kl",
    "clip_fraction",
    "grad_norm",
    "tokens/s",
    "critic/loss",
)
VERDICT = "verdict/"
BARS = "▁▂▃▄▅▆▇█"
WIDTH = 10


class RLPanel:
    """A panel that is empty before it gets the first metrics of a stage and once it is cleared.

    It has no border: terminals break lines anew when they are made narrower, and parts of a border
    would be left behind.
    """

    def __init__(self) -> None:
        self._history: defaultdict[str, list[float]] = defaultdict(list)

    def show(self, fields: Mapping[str, float]) -> None:
        """Add the metrics of a step, if it is a step of RL."""
        if "reward" in fields:
            for name, value in fields.items():
                self._history[name].append(value)

    def clear(self) -> None:
        """Forget the steps shown so far, so that nothing is drawn."""
        self._history.clear()

    def __rich__(self) -> RenderableType:
        if not self._history:
            return Text()
        grid = Table.grid(padding=(0, 1))
        cells = [
            (name, sparkline(self._history[name]), number(self._history[name][-1]))
            for name in SHOWN
            if name in self._history
        ]
        for left, right in zip(cells[::2], [*cells[1::2], ("", "", "")], strict=False):
            grid.add_row(*left, *right)
        return Group(Text("rl", "bold"), grid, self._verdicts())

    def _verdicts(self) -> Text:
        """The share of each verdict class in the last step."""
        shares = {
            name.removeprefix(VERDICT): values[-1]
            for name, values in self._history.items()
            if name.startswith(VERDICT) and values[-1]
        }
        return Text(one_line("  ".join(f"{name} {share:.0%}" for name, share in shares.items())))


class TreePanel:
    """The tree that is searched now: its size, and the path to its newest node."""

    def __init__(self) -> None:
        self._rows: list[str] = []

    def show(self, event: TreeGrown) -> None:
        """Draw the tree of an event; one that is not there yet leaves the last one."""
        with suppress(AstroError):
            self._rows = newest_path(event.problem, event.tree())

    def clear(self) -> None:
        """Draw nothing from now on."""
        self._rows = []

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for number, row in enumerate(self._rows):
            line = Text(one_line(row), "" if number else "bold")
            line.truncate(options.max_width, overflow="crop" if options.ascii_only else "ellipsis")
            yield line


def sparkline(values: Sequence[float]) -> str:
    """The latest values as bars, scaled to their range; NaN is shown as `?`."""
    latest = values[-WIDTH:]
    sound = [value for value in latest if abs(value) < float("inf")]
    low, high = min(sound, default=0.0), max(sound, default=0.0)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(
        BARS[round((value - low) * scale)] if abs(value) < float("inf") else "?" for value in latest
    )


def number(value: float) -> str:
    """A number with three significant digits, or with all digits before the decimal point."""
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.3g}"
