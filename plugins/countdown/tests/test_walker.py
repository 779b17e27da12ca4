"""The model-free policy plays by the rules, and its samples depend on nothing but their seeds."""

from __future__ import annotations

import math

import pytest

from astro.errors import PolicyError
from astro.requests import Failure, Generate, LogProb
from astro.types import Completion, FinishReason, Problem, Prompt
from astro_countdown.game import legal_moves
from astro_countdown.replay import all_legal
from astro_countdown.verifier import CountdownVerifier
from astro_countdown.walker import CountdownWalker, WalkerParams, next_line

PROMPT = Prompt("use 3 4 3 to make 21")


def answer(request: Generate, walker: CountdownWalker | None = None) -> list[Completion]:
    walker = walker or CountdownWalker(WalkerParams())
    walker.add(0, request)
    ((_, reply),) = walker.step()
    assert isinstance(reply, list)
    return reply  # type: ignore[return-value]


def test_rollouts_are_legal_to_the_end(problem: Problem) -> None:
    completions = answer(Generate(PROMPT, n=200, seed=3))
    assert all(all_legal(problem, completion.text) for completion in completions)
    assert {completion.finish_reason for completion in completions} == {FinishReason.EOS}
    verdicts = [CountdownVerifier().verify(problem, c.text) for c in completions]
    assert 0 < sum(verdict.correct for verdict in verdicts) < 200
    assert all(
        v.correct == ("answer" in c.text) for v, c in zip(verdicts, completions, strict=True)
    )


def test_a_step_bears_the_log_of_its_chance() -> None:
    (completion,) = answer(Generate(PROMPT, stop=("\n",), seed=1))
    assert completion.text.count("\n") == 1
    assert completion.finish_reason is FinishReason.STOP
    assert sum(completion.logprobs) == pytest.approx(-math.log(len(legal_moves((3, 3, 4)))))
    assert len(completion.token_ids) == len(completion.logprobs) == 9  # eight words, a line end


def test_goes_on_from_where_a_response_stands() -> None:
    response = "3 + 4 = 7 left 3 7\n3 + 7 = 10 left 10\nback to 3 7\n3 * 7 = 21 left 21\n"
    (completion,) = answer(Generate(Prompt(PROMPT.user, response)))
    assert completion.text == "answer 21\n"
    (ended,) = answer(Generate(Prompt(PROMPT.user, response + completion.text)))
    assert (ended.text, ended.finish_reason) == ("", FinishReason.EOS)


def test_greedy_goes_on_as_it_began() -> None:
    (whole,) = answer(Generate(PROMPT, temperature=0, seed=1))
    (first,) = answer(Generate(PROMPT, temperature=0, seed=2, stop=("\n",)))
    (rest,) = answer(Generate(Prompt(PROMPT.user, first.text), temperature=0))
    assert first.text + rest.text == whole.text


def test_stops_at_the_token_limit() -> None:
    (completion,) = answer(Generate(PROMPT, max_tokens=4))
    assert (len(completion.token_ids), completion.finish_reason) == (4, FinishReason.LENGTH)


def test_samples_do_not_depend_on_what_else_is_queued() -> None:
    requests = [Generate(PROMPT, n=3, seed=seed) for seed in range(20)]
    walker = CountdownWalker(WalkerParams(steps_to_finish=4))
    for ticket, request in enumerate(requests):
        walker.add(ticket, request)
    finished = [reply for _ in range(4) for reply in walker.step()]
    assert [ticket for ticket, _ in finished] != sorted(ticket for ticket, _ in finished)
    assert dict(finished) == {ticket: answer(request) for ticket, request in enumerate(requests)}
    assert walker.step() == []


@pytest.mark.parametrize(
    ("user", "response"),
    [
        ("what is 2 + 2?", ""),
        ("", ""),
        ("use 3 x to make 2", ""),
        ("use 3 1/2 to make 2", ""),
        ("use 300 3 to make 2", ""),
        (PROMPT.user, "3 + 4 = 8 left 3 8\n"),
        (PROMPT.user, "3 + 4 = 7 left 3 7"),
    ],
)
def test_what_it_cannot_play_is_a_failure(user: str, response: str) -> None:
    with pytest.raises(PolicyError):
        next_line(user, response, 0)
    walker = CountdownWalker(WalkerParams())
    walker.add(7, Generate(Prompt(user, response)))
    ((ticket, reply),) = walker.step()
    assert ticket == 7
    assert isinstance(reply, Failure)


def test_does_not_score() -> None:
    walker = CountdownWalker(WalkerParams())
    walker.add(0, LogProb(PROMPT, ("answer 21\n",)))
    ((_, reply),) = walker.step()
    assert isinstance(reply, Failure)
