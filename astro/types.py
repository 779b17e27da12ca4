"""Value types that all parts of a run share. Imports only the standard library."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import chain
from typing import Any

CHAT_TURNS = "chat_turns"
"""The key of a problem's metadata with the messages that ask it in a chat."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with a reference answer that a verifier can check.

    `metadata` holds further information from the problem's source, which verifiers and reports may
    use; it must be representable in JSON. Under the key `chat_turns`, it may hold the dialogue that
    asks the problem in a chat; see `turns`.
    """

    id: str
    prompt: str
    answer: str
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def turns(self) -> tuple[str, ...]:
        """Messages of user and assistant in turn, the last the user's; empty for `prompt` alone."""
        return tuple(self.metadata.get(CHAT_TURNS, ()))


@dataclass(frozen=True, slots=True)
class Step:
    """One action a_{t+1}, the smallest unit of reasoning.

    `token_ids` are the tokens as sampled, or empty if the text was not sampled. `logprob` is the
    natural log of the policy's probability of the whole step, <= 0.
    """

    text: str
    token_ids: tuple[int, ...] = ()
    logprob: float = 0.0


@dataclass(frozen=True)
class State:
    """S_t = (x, s_0 .. s_t): a problem and the steps so far.

    Nothing is added to a terminal state; usually its last step holds an answer.
    """

    problem: Problem
    steps: tuple[Step, ...] = ()
    terminal: bool = False

    @cached_property
    def response(self) -> str:
        """The text of all steps."""
        return "".join([step.text for step in self.steps])

    @cached_property
    def prompt(self) -> Prompt:
        """What a policy is given to continue this state.

        It holds the tokens that were sampled, up to the first step whose tokens are not known.
        """
        ids = [step.token_ids for step in self.steps]
        known = next((i for i, own in enumerate(ids) if not own), len(ids))
        tail = "".join([step.text for step in self.steps[known:]]) if known else ""
        exact = tuple(chain.from_iterable(ids[:known]))
        problem = self.problem
        return Prompt(problem.prompt, self.response, exact, tail=tail, turns=problem.turns)

    def then(self, step: Step, terminal: bool = False) -> State:
        """The state after taking `step` here."""
        state = object.__new__(State)  # without the frozen constructor, which takes twice as long
        state.__dict__.update(
            problem=self.problem,
            steps=(*self.steps, step),
            terminal=terminal,
            response=self.response + step.text,  # fills the cache
        )
        return state


@dataclass(frozen=True, slots=True)
class Prompt:
    """A user message and the beginning of the response to it.

    `token_ids` are the response's tokens as sampled; a policy continues from them rather than
    tokenizing `response` again. They are empty if the response is empty or was not sampled from the
    policy. `tail` is the end of the response that follows `token_ids` if its own tokens are not
    known; it is empty if `token_ids` are those of the whole response, or if there are none.
    `turns` are the messages that stand in place of `user` in a chat, as in `Problem`.
    """

    user: str
    response: str = ""
    token_ids: tuple[int, ...] = ()
    tail: str = ""
    turns: tuple[str, ...] = ()


class FinishReason(StrEnum):
    """Why a completion ended: a stop string, the end-of-sequence token, or the token limit."""

    STOP = "stop"
    EOS = "eos"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled continuation, including its stop string and its end-of-sequence token.

    `token_ids` and `logprobs` have one entry per sampled token; the text of an end-of-sequence
    token is empty. `logprobs` are natural logs of the model's probabilities at temperature 1,
    whatever temperature the tokens were sampled at. `counted` is the number of sampled tokens by
    another count, for a completion that has neither ids nor log-probabilities.
    """

    text: str
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    finish_reason: FinishReason = FinishReason.STOP
    counted: int = 0

    @property
    def tokens(self) -> int:
        """Number of sampled tokens, by their ids or log-probabilities, or else by `counted`."""
        ids, logprobs = len(self.token_ids), len(self.logprobs)
        return (ids if ids >= logprobs else logprobs) or self.counted


LEAST_LOGPROB = -9999.0
"""Stands for a log-probability of minus infinity, which a server may report for a sampled token."""

BYTES_PER_TOKEN = 4
"""Bytes of text in a token, where their number has to be estimated."""


def estimated_tokens(text: str) -> int:
    """An estimate of how many tokens a text has, rounded up."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def tokens_of(steps: Iterable[Step]) -> int:
    """The number of tokens of steps; it is estimated for those whose tokens are not known."""
    return sum(len(step.token_ids) or estimated_tokens(step.text) for step in steps)


class Status(StrEnum):
    """The class of a verdict. Only `CORRECT` has reward 1; the last three classes are faults."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    UNPARSED = "unparsed"
    TIMEOUT = "timeout"
    BAD_REFERENCE = "bad_reference"
    ERROR = "error"

    @property
    def fault(self) -> bool:
        """Whether the verdict says nothing about the response, so that its reward is unknown."""
        return self in (Status.TIMEOUT, Status.BAD_REFERENCE, Status.ERROR)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a verifier: the class, the answer read from the response, and the reason.

    `rejected` says that the response itself takes the answer back, as `wait 16 is not 19` does; it
    then tells wrong responses apart, and is no vote.
    """

    status: Status
    answer: str | None = None
    reason: str = ""
    rejected: bool = False

    @property
    def correct(self) -> bool:
        """Whether the response answers the problem correctly."""
        return self.status is Status.CORRECT

    @property
    def reward(self) -> float:
        """1.0 for a correct response, otherwise 0.0."""
        return float(self.correct)

    @property
    def vote(self) -> str | None:
        """The answer, unless the response rejects it."""
        return None if self.rejected else self.answer


@dataclass(slots=True)
class Node:
    """A state in a search tree, identified by the action that led to it.

    `prior` is Pi(a|S) among the siblings, in [0, 1]; `visit_count` is N; `q_value` is Q, in [0, 1];
    `value` is the estimate R of the node's own state, in [0, 1]. The root has id 0 and parent None.
    """

    id: int
    parent: int | None
    step: Step
    depth: int
    terminal: bool = False
    prior: float = 1.0
    visit_count: int = 0
    q_value: float = 0.0
    value: float = 0.0
    verdict: Verdict | None = None
    children: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SearchTree:
    """The result of a search for one problem.

    `nodes[i].id == i` for every i, and `ended` says why the search stopped.
    """

    problem: Problem
    nodes: list[Node]
    ended: str = "finished"

    def path(self, node_id: int) -> list[Node]:
        """The nodes from the first step to `node_id`, without the root, which has no step."""
        path: list[Node] = []
        node = self.nodes[node_id]
        while node.parent is not None:
            path.append(node)
            node = self.nodes[node.parent]
        return path[::-1]

    def terminals(self) -> list[Node]:
        """All terminal nodes, in the order of their ids."""
        return [node for node in self.nodes if node.terminal]

    @property
    def solved(self) -> bool:
        """Whether a terminal node has a correct verdict."""
        return any(node.verdict is not None and node.verdict.correct for node in self.nodes)


class SegmentKind(StrEnum):
    """The role of a segment: a step of the tree, or the words that join two of its paths."""

    STEP = "step"
    REFLECTION = "reflection"
    BACKTRACK = "backtrack"


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a trace and the id of the tree node it belongs to.

    The node of a step is the step itself, the node of a reflection is the terminal it doubts, and
    the node of a backtrack is the ancestor it returns to. `train` says whether the segment's tokens
    are loss tokens in fine-tuning. `token_ids` are the tokens in which a policy sampled the text;
    they are empty if no policy did, or if they are not known.
    """

    text: str
    node: int = 0
    kind: SegmentKind = SegmentKind.STEP
    train: bool = True
    token_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a response that a model wrote by itself, as a step format reads it.

    `target` is, of a backtrack, the index of the part with the step to which it returns, or -1 for
    the beginning; None if no such part was found, and for all other parts.
    """

    kind: SegmentKind
    text: str
    target: int | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """A linearized tree: one chain of thought, with every segment mapped to its node.

    `rewritten` says whether a model has put the trace into its own words.
    """

    problem: Problem
    segments: tuple[Segment, ...]
    verdict: Verdict
    rewritten: bool = False

    @property
    def response(self) -> str:
        """The text of all segments."""
        return "".join(segment.text for segment in self.segments)

    @property
    def backtracks(self) -> int:
        """Number of backtrack segments."""
        return sum(segment.kind is SegmentKind.BACKTRACK for segment in self.segments)
