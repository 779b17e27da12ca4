"""The default step format."""

from __future__ import annotations

from random import Random

import pytest

from astro.builtin.lines import LinesFormat, LinesParams
from astro.errors import ConfigError
from astro.plugins.params import validate
from astro.types import Problem, State, Step

FORMAT = LinesFormat(LinesParams())


def state(*steps: str) -> State:
    return State(Problem("p", "1 + 1?", "2"), tuple(map(Step, steps)))


@pytest.mark.parametrize(
    ("step", "terminal"),
    [
        ("So \\boxed{2}.\n", True),
        ("answer 2\n", True),
        ("The final answer is 2\n", True),
        ("Answer: 2\n", True),
        ("One and one, the answer to come later\n", False),
        ("answering 2\n", False),
    ],
)
def test_a_step_with_an_answer_is_terminal(step: str, terminal: bool) -> None:
    assert FORMAT.is_terminal(state("Think.\n", step)) is terminal


def test_only_the_last_step_counts() -> None:
    assert not FORMAT.is_terminal(state())
    assert not FORMAT.is_terminal(state("\\boxed{2}\n", "Hmm.\n"))


def test_a_backtrack_quotes_the_step_it_returns_to() -> None:
    phrases = LinesFormat(
        LinesParams(backtracks=("Back to {step}, then.",), root_backtracks=("Anew.",))
    )
    step = "So $x^{2}$\n  is  4.\n"
    assert (
        phrases.backtrack(state("First.\n", step), Random(0)) == "Back to So $x^{2}$ is 4., then.\n"
    )
    assert phrases.backtrack(state(), Random(0)) == "Anew.\n"


def test_phrases_are_drawn_by_the_generator_given() -> None:
    wrong = state("\\boxed{3}\n")
    phrases = [FORMAT.reflection(wrong, Random(seed)) for seed in range(20)]
    assert phrases == [FORMAT.reflection(wrong, Random(seed)) for seed in range(20)]
    assert {phrase.rstrip("\n") for phrase in phrases} == set(LinesParams().reflections)


def test_every_phrase_is_a_step_of_its_own() -> None:
    paragraphs = LinesFormat(LinesParams(stop=("\n\n",)))
    assert paragraphs.reflection(state("\\boxed{3}"), Random(0)).startswith("\n\n")
    assert paragraphs.reflection(state("\\boxed{3}\n\n"), Random(0))[0] != "\n"
    assert paragraphs.backtrack(state("One.\n\n"), Random(0)).endswith("One.\n\n")


@pytest.mark.parametrize("seed", range(6))
def test_what_it_writes_it_also_counts(seed: int) -> None:
    rng = Random(seed)
    first = "One.\nTwo.\n"
    turns = [FORMAT.backtrack(state("One.\n"), rng), FORMAT.backtrack(state(), rng)]
    response = first + turns[0] + "Three.\n" + turns[1] + "answer 2\n"
    assert FORMAT.backtracks(response) == 2
    assert FORMAT.backtracks(first) == 0


@pytest.mark.parametrize(
    "params",
    [
        {"terminal_pattern": "("},
        {"backtracks": ["{step} again"]},
        {"reflections": []},
        {"root_backtracks": [""]},
        {"stop": []},
    ],
)
def test_phrases_that_cannot_work_are_config_errors(params: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(params))):
        validate(LinesParams, params)
