"""How countdown responses are written: one line a step, and plain lines to check and to return."""

from __future__ import annotations

import re
from random import Random

from astro.types import Problem, State
from astro_countdown.replay import all_legal

_BACK = re.compile(r"^back to\b", re.MULTILINE)


class CountdownFormat:
    """Reflection and backtracking have one wording each, so the random numbers go unused."""

    stop = ("\n",)

    def __init__(self, params: None = None) -> None:
        pass

    def is_terminal(self, state: State) -> bool:
        return bool(state.steps) and state.steps[-1].text.startswith(("answer", "wait"))

    def reflection(self, state: State, rng: Random) -> str:  # noqa: ARG002
        """`wait 16 is not 21`, or nothing where the walk says so itself or has no such end."""
        last = state.steps[-1].text if state.steps else ""
        value, target = _end(last), str(state.problem.metadata["target"])
        if self.doubts(last) or value in ("", target):
            return self.joint(state)
        return f"{self.joint(state)}wait {value} is not {target}\n"

    def joint(self, state: State) -> str:
        """The end of a line that was broken off."""
        return "" if not state.response or state.response.endswith("\n") else "\n"

    def backtrack(self, state: State, rng: Random) -> str:  # noqa: ARG002
        """`back to 3 5 8`: the numbers that remain at `state`, as its steps state them."""
        stated = (_list(step.text) for step in reversed(state.steps))
        given = " ".join(map(str, state.problem.metadata["numbers"]))
        return f"back to {next(filter(None, stated), given)}\n"

    def backtracks(self, response: str) -> int:
        return len(_BACK.findall(response))

    def doubts(self, step: str) -> bool:
        return step.startswith("wait")

    def legal(self, problem: Problem, response: str) -> bool:
        """Whether every line of the response is legal, those of abandoned branches too."""
        return all_legal(problem, response)


def _list(step: str) -> str:
    """The list that a step line or a `back to` states, or an empty string."""
    if step.startswith("back to "):
        return step.removeprefix("back to ").strip()
    return step.partition(" left ")[2].strip()


def _end(line: str) -> str:
    """The single number that a wrong walk's last line ends on, or an empty string."""
    words = line.split()
    if words[:1] == ["answer"]:
        return words[1] if len(words) == 2 else ""
    left = _list(line).split()
    return left[0] if len(left) == 1 else ""
