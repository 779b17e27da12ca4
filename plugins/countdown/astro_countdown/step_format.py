"""Step format of countdown: one line per step, reflection and backtrack."""

from __future__ import annotations

import re
from random import Random

from astro.data.parts import ROOT, by_stop, joined, linked, pieces
from astro.types import Part, Problem, SegmentKind, State
from astro_countdown.replay import all_legal

_BACK = re.compile(r"^back to\b", re.MULTILINE)


class CountdownFormat:
    """Step format `countdown`.

    Reflection and backtracking have a single wording, so the random generators are not used.
    """

    stop: tuple[str, ...] = ("\n",)

    def __init__(self, params: None = None) -> None:
        """Create the format, which has no params."""

    def is_terminal(self, state: State) -> bool:
        """Whether the last step is an `answer` or `wait` line."""
        return bool(state.steps) and state.steps[-1].text.startswith(("answer", "wait"))

    def reflection(self, state: State, rng: Random) -> str:  # noqa: ARG002
        """Return `wait 16 is not 21`; nothing if the walk says so itself or has no final number."""
        last = state.steps[-1].text if state.steps else ""
        value, target = _end(last), str(state.problem.metadata["target"])
        if self.doubts(last) or value in ("", target):
            return self.joint(state)
        return f"{self.joint(state)}wait {value} is not {target}\n"

    def joint(self, state: State) -> str:
        """Return the line end that the last step lacks, if it lacks one."""
        return "" if not state.response or state.response.endswith("\n") else "\n"

    def backtrack(self, state: State, rng: Random) -> str:  # noqa: ARG002
        """Return `back to 3 5 8`, with the remaining numbers as the steps of `state` give them."""
        stated = (_list(step.text) for step in reversed(state.steps))
        given = " ".join(map(str, state.problem.metadata["numbers"]))
        return f"back to {next(filter(None, stated), given)}\n"

    def backtracks(self, response: str) -> int:
        """Return the number of `back to` lines."""
        return len(_BACK.findall(response))

    def parts(self, response: str) -> list[Part]:
        """Return the lines of a response; a `wait` line is a reflection."""
        lines = pieces(
            response,
            by_stop(response, self.stop),
            backtracks=[match.span() for match in _BACK.finditer(response)],
        )
        found = [
            (SegmentKind.REFLECTION if self.doubts(text) else kind, text)
            for kind, text in joined(lines)
        ]
        given = next(
            filter(None, (_given(text) for kind, text in found if kind is SegmentKind.STEP)), None
        )

        def wanted(backtrack: str) -> str | int | None:
            numbers = _numbers(backtrack)
            return ROOT if numbers is not None and numbers == given else numbers

        return linked(found, _numbers, wanted)

    def doubts(self, step: str) -> bool:
        """Whether a step is a `wait` line."""
        return step.startswith("wait")

    def legal(self, problem: Problem, response: str) -> bool:
        """Whether every line of the response is legal, including those of abandoned branches."""
        return all_legal(problem, response)


def _list(step: str) -> str:
    """Return the list that a step line or a `back to` line states; empty if there is none."""
    if step.startswith("back to "):
        return step.removeprefix("back to ").strip()
    return step.partition(" left ")[2].strip()


def _numbers(line: str) -> str | None:
    """Return the list that a line states, in sorted order; None if it states none."""
    return " ".join(sorted(_list(line.strip()).split())) or None


def _given(step: str) -> str | None:
    """Return the numbers before a step, `3 + 5 = 8 left 8 8`, in sorted order."""
    words, left = step.partition(" left ")[0].split(), _list(step.strip()).split()
    if len(words) != 5 or words[4] not in left:
        return None
    left.remove(words[4])
    return " ".join(sorted([*left, words[0], words[2]]))


def _end(line: str) -> str:
    """Return the single number at the end of a line; empty if there is none."""
    words = line.split()
    if words[:1] == ["answer"]:
        return words[1] if len(words) == 2 else ""
    left = _list(line).split()
    return left[0] if len(left) == 1 else ""
