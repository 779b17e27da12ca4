"""Values that are more than their fields."""

from __future__ import annotations

import pytest

from astro.types import Problem, Prompt, State, Step

SAMPLED, MORE, UNKNOWN = Step("a\n", (1, 2)), Step("b\n", (3,)), Step("c\n")


@pytest.mark.parametrize(
    ("steps", "prompt"),
    [
        ((), Prompt("q")),
        ((SAMPLED, MORE), Prompt("q", "a\nb\n", (1, 2, 3))),
        ((UNKNOWN,), Prompt("q", "c\n")),
        ((UNKNOWN, SAMPLED), Prompt("q", "c\na\n")),
        ((SAMPLED, UNKNOWN, MORE), Prompt("q", "a\nc\nb\n", (1, 2), "c\nb\n")),
    ],
)
def test_a_prompt_keeps_the_tokens_up_to_the_first_step_without_any(
    steps: tuple[Step, ...], prompt: Prompt
) -> None:
    assert State(Problem("p", "q", "a"), steps).prompt == prompt


@pytest.mark.parametrize("terminal", [False, True])
def test_a_state_after_a_step_equals_the_constructed_one(terminal: bool) -> None:
    problem = Problem("p", "q", "a")
    after = State(problem, (SAMPLED,)).then(MORE, terminal=terminal)
    constructed = State(problem, (SAMPLED, MORE), terminal)
    assert (after, repr(after), after.response) == (constructed, repr(constructed), "a\nb\n")
