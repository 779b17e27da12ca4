"""The responses that a search found, with the classes of their answers, without a reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from astro.engine.answers import AnswerClasses, answer_key, frequent_first, read_verdicts
from astro.engine.selection import AnswerCandidate
from astro.requests import Program
from astro.types import Node, Problem, SearchTree, Status, Verdict, tokens_of


@dataclass(frozen=True, slots=True)
class AnswerFound:
    """A response that the search found.

    Attributes:
        response: Its text.
        answer: The answer that the verifier read, or the last line if it read none.
        read: Whether the verifier read an answer.
        node: Its terminal node in the tree.
        candidate: Its class, its number of samples, its reward and its tokens. A response that
            rejects its answer is in no class.
    """

    response: str
    answer: str
    read: bool
    node: int
    candidate: AnswerCandidate


def answers_found(
    problem: Problem, tree: SearchTree, *, reads: bool, rates: bool
) -> Program[list[AnswerFound]]:
    """Return the responses in a search tree that came to an end, with the classes of their answers.

    Args:
        problem: The problem of the tree, whose reference answer is not used.
        tree: The tree.
        reads: Whether there is a verifier to read answers.
        rates: Whether the values of terminal states are rewards.
    """
    paths = {node.id: tree.path(node.id) for node in tree.terminals()}
    written = {end: "".join(node.step.text for node in path) for end, path in paths.items()}
    texts = {end: text for end, text in written.items() if text.strip()}
    verdicts = dict.fromkeys(texts, Verdict(Status.UNPARSED))
    if reads:
        read = yield from read_verdicts(problem, list(texts.values()))
        verdicts = dict(zip(texts, read, strict=True))
    answers = {node: verdict.vote for node, verdict in verdicts.items()}
    keys = {
        node: answer_key(_last_line(text) if (answer := answers[node]) is None else answer)
        for node, text in texts.items()
    }
    voting = [key for node, key in keys.items() if not verdicts[node].rejected]
    votes = yield from _votes(problem, voting, reads)
    return [
        AnswerFound(
            text,
            answers[node] or keys[node],
            answers[node] is not None,
            node,
            _candidate(paths[node], None if verdicts[node].rejected else votes[keys[node]], rates),
        )
        for node, text in texts.items()
    ]


def _votes(problem: Problem, keys: Sequence[str], reads: bool) -> Program[dict[str, int]]:
    """The number of the class of each answer; without a verifier, equal texts are a class."""
    classes = AnswerClasses(problem)
    firsts: dict[str, str] = {}
    for key in frequent_first(keys):
        firsts[key] = (yield from classes.join(key)) if reads else key
    numbers = {first: number for number, first in enumerate(dict.fromkeys(firsts.values()))}
    return {key: numbers[first] for key, first in firsts.items()}


def _candidate(path: Sequence[Node], vote: int | None, rates: bool) -> AnswerCandidate:
    end = path[-1]
    return AnswerCandidate(
        vote,
        samples=max(1, end.visit_count),
        reward=end.value if rates and end.visit_count else None,
        logprob=sum(node.step.logprob for node in path),
        tokens=tokens_of(node.step for node in path),
    )


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1]
