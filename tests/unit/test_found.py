"""The votes of responses: by their answers, and none where a response rejects what it reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from astro.builtin.self_consistency import SelfConsistency, SelfConsistencyParams
from astro.engine.found import AnswerFound, answers_found
from astro.engine.selection import select_answer
from astro.requests import Generate, Program, Verify
from astro.types import Completion, Node, Problem, SearchTree, State, Status, Step, Verdict

PROBLEM = Problem("p", "use 3 4 to make 12", "12")


def verified(request: Verify) -> Verdict:
    """A verdict that reads `answer N`, and `wait N`, which rejects N."""
    *_, last = request.response.strip().splitlines()
    word, _, rest = last.partition(" ")
    if word == "wait":
        return Verdict(Status.INCORRECT, rest.split()[0], "it was given up", rejected=True)
    if word == "answer" or last.startswith("\\boxed"):
        answer = rest or last.removeprefix("\\boxed{").removesuffix("}")
        right = answer == request.problem.answer
        return Verdict(Status.CORRECT if right else Status.INCORRECT, answer)
    return Verdict(Status.UNPARSED)


def played(program: Program[Any], completions: Sequence[str] = ()) -> Any:
    """The result of a program whose requests are answered by `verified` and with `completions`."""
    replies: Any = None
    try:
        while True:
            requests = program.send(replies)
            replies = [
                [Completion(text) for text in completions]
                if isinstance(request, Generate)
                else verified(request)
                for request in requests
            ]
    except StopIteration as stop:
        return stop.value


def found(*responses: str) -> list[AnswerFound]:
    ends = [
        Node(i, 0, Step(text), 1, terminal=True, visit_count=1)
        for i, text in enumerate(responses, 1)
    ]
    root = Node(0, None, Step(""), 0, children=[end.id for end in ends])
    tree = SearchTree(PROBLEM, [root, *ends], "")
    result: list[AnswerFound] = played(answers_found(PROBLEM, tree, reads=True, rates=False))
    return result


def test_a_response_that_rejects_its_value_has_no_vote() -> None:
    responses = found("wait 7 is not 12\n", "wait 7 is not 12\n", "answer 12\n", "unread\n")
    assert [one.candidate.vote for one in responses] == [None, None, 0, 1]
    assert [one.read for one in responses] == [False, False, True, False]
    chosen = select_answer([one.candidate for one in responses], "majority")
    assert chosen is not None
    assert (chosen.candidate, chosen.confidence.value) == (2, 0.25)


def test_rejections_alone_have_no_answer() -> None:
    responses = found("wait 7 is not 12\n", "wait 1 is not 12\n")
    assert select_answer([one.candidate for one in responses], "majority") is None


def test_rejections_agree_on_nothing() -> None:
    """Neither they nor the last lines beside them are answers by which a state is valued."""
    value = SelfConsistency(SelfConsistencyParams(rollouts=2))
    for texts, expected in (
        (("wait 7 is not 12\n", "back to 3 4\n"), 0.0),
        (("wait 7 is not 12\n", "answer 12\n"), 0.5),
        (("back to 3 4\n", "back to 3 4\n"), 1.0),
    ):
        assert played(value.estimate([State(PROBLEM)], 0), texts) == [expected]
