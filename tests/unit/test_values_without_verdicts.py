"""The values `logprob` and `self_consistency`, and configs whose plugins do not go together."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import exp
from pathlib import Path
from typing import Any

import pytest

from astro.builtin.logprob_value import LogProbValue
from astro.builtin.self_consistency import SelfConsistency, SelfConsistencyParams
from astro.config.loading import parse_config
from astro.config.yaml import read_config
from astro.errors import ConfigError, PolicyError
from astro.plugins.registry import Registry
from astro.requests import BudgetExhausted, Generate, Program, Request, Verify
from astro.types import Completion, FinishReason, Problem, State, Status, Step, Verdict

CONFIG = Path(__file__).parents[2] / "configs" / "quickstart.yaml"
PROBLEM = Problem("p", "q", "")


def finished(program: Program[Any]) -> Any:
    with pytest.raises(StopIteration) as stop:
        next(program)
    return stop.value.value


def state(*steps: Step, terminal: bool = False) -> State:
    return State(PROBLEM, steps, terminal)


def test_logprob_is_the_mean_over_the_tokens_of_the_path() -> None:
    """-2 over 2 tokens and -1 over 4: exp(-3 / 6), whatever the number of steps."""
    path = state(Step("a\n", (1, 2), -2.0), Step("b\n", (1, 2, 3, 4), -1.0), terminal=True)
    found = finished(LogProbValue().estimate([path, state(path.steps[0]), state()], 0))
    assert found == [pytest.approx(exp(-0.5)), pytest.approx(exp(-1.0)), None]
    assert LogProbValue.rates_terminals


def test_the_tokens_of_text_without_ids_are_estimated() -> None:
    assert finished(LogProbValue().estimate([state(Step("12345678", (), -1.0))], 0)) == [exp(-0.5)]


def test_a_policy_without_log_probabilities_is_refused() -> None:
    with pytest.raises(PolicyError, match="needs a policy that gives log-probabilities"):
        next(LogProbValue().estimate([state(), state(Step("a\n"))], 0))


def test_states_without_steps_and_certain_steps_are_not_refused() -> None:
    assert finished(LogProbValue().estimate([state(), state(Step(""))], 0)) == [None, None]
    certain = state(Step("answer 4\n", (1, 2)), terminal=True)
    assert finished(LogProbValue().estimate([state(), certain], 0)) == [None, 1.0]


class World:
    """Completes states by a script; answers are fractions after `=`, `!` is a fault."""

    def __init__(self, script: dict[str, Sequence[str]], *, verifier: bool = True) -> None:
        self.script = script
        self.verifier = verifier
        self.asked: list[Request] = []

    def reply(self, request: Request) -> Any:
        self.asked.append(request)
        if isinstance(request, Generate):
            texts = self.script[request.prompt.response]
            ends = [FinishReason.LENGTH if t.endswith("~") else FinishReason.EOS for t in texts]
            return [
                Completion(text.rstrip("~"), finish_reason=end)
                for text, end in zip(texts, ends, strict=True)
            ]
        assert isinstance(request, Verify)
        assert request.comparison, "no verdict is asked for"
        return self.verdict(request.problem.answer, request.response)

    def verdict(self, reference: str, response: str) -> Verdict:
        if "!" in response:
            return Verdict(Status.TIMEOUT)
        answer = response.removeprefix(r"\boxed{").removesuffix("}").rpartition("=")[2].strip()
        if not self.verifier or not answer.replace("/", "").replace(".", "").isdigit():
            return Verdict(Status.UNPARSED)
        same = Fraction(answer) == Fraction(reference)
        return Verdict(Status.CORRECT if same else Status.INCORRECT, answer)

    def values(self, *states: State) -> list[float | None]:
        program = SelfConsistency(SelfConsistencyParams(rollouts=8)).estimate(states, 0)
        batch = next(program)
        while True:
            try:
                batch = program.send([self.reply(request) for request in batch])
            except StopIteration as stop:
                values: list[float | None] = stop.value
                return values


def test_classes_are_those_of_the_verifier() -> None:
    """By text, 2 leads with two votes; by class, 1/2, 0.5 and 2/4 have three of seven."""
    world = World({"a\n": ["=1/2", "=2", "=0.5", "=2/4", "=3", "none", "=2"]})
    assert world.values(state(Step("a\n"))) == [pytest.approx(3 / 7)]


def test_a_fault_says_nothing_and_a_missing_answer_has_no_vote() -> None:
    world = World({"a\n": ["=1", "=1", "!", "none"], "b\n": ["!", "!"], "c\n": ["none", "="]})
    a, b, c = (state(Step(f"{name}\n")) for name in "abc")
    assert world.values(a, b, c) == [pytest.approx(2 / 3), None, 0.0]


def test_a_terminal_state_is_compared_with_the_completions_before_its_last_step() -> None:
    script = {"a\n": ["=1/2", "=2", "=0.5", "none"]}
    ends = [state(Step("a\n"), Step(f"={answer}"), terminal=True) for answer in ("2/4", "2", "7")]
    world = World(script)
    assert world.values(*ends, state(Step("a\n"))) == [0.5, 0.25, 0.0, 0.5]
    assert sum(isinstance(request, Generate) for request in world.asked) == 1


def test_a_completion_that_was_cut_is_read_up_to_its_last_whole_line() -> None:
    world = World({"": ["=1\n=12~", "=1", "=12"]})
    assert world.values(state()) == [pytest.approx(2 / 3)]


def test_without_a_verifier_the_last_lines_are_the_answers() -> None:
    world = World({"": ["so\nParis\n", "Paris", "Rome"]}, verifier=False)
    assert world.values(state()) == [pytest.approx(2 / 3)]


def test_a_spent_budget_leaves_what_it_paid_for() -> None:
    program = SelfConsistency(SelfConsistencyParams(rollouts=4)).estimate(
        [state(), state(Step("a\n"))], 0
    )
    next(program)
    world = World({})
    batch = program.throw(BudgetExhausted([[Completion("=1"), Completion("=2")], []]))
    with pytest.raises(StopIteration) as stop:
        while True:
            batch = program.send([world.reply(request) for request in batch])
    assert stop.value.value == [0.5, None]


def checked(**changes: Any) -> None:
    parse_config({**read_config(CONFIG), **changes}, Registry.discover())


NONE = {"name": "none"}


@pytest.mark.parametrize("search", ["mcts", "beam", "ab_mcts", "tot_dfs"])
def test_rollouts_need_verdicts(search: str) -> None:
    with pytest.raises(ConfigError, match=r"value\.name: rollout needs verdicts") as error:
        checked(verifier=NONE, value={"name": "rollout"}, search={"name": search})
    assert len(error.value.problems) == 1


@pytest.mark.parametrize("value", ["logprob", "self_consistency", "p_true"])
def test_values_that_need_no_verdicts(value: str) -> None:
    checked(verifier=NONE, value={"name": value})
    checked(verifier=NONE, value={"name": "rollout"}, search={"name": "best_of_n"})


def test_rollouts_can_be_kept_only_if_there_are_some() -> None:
    kept = {"name": "mcts", "params": {"keep_rollouts": True}}
    checked(search=kept)
    checked(search=kept, value={"name": "self_consistency"})
    with pytest.raises(ConfigError, match=r"search.params.keep_rollouts: the value logprob makes"):
        checked(search=kept, value={"name": "logprob"})
