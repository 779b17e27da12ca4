"""The values that flow through a run. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import chain
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with a reference answer that a verifier can check.

    `metadata` holds whatever the problem's source and its verifier share; it must be JSON-safe.
    """

    id: str
    prompt: str
    answer: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One action a_{t+1}: the minimal unit of reasoning.

    `token_ids` are the tokens as sampled (empty if the text came from elsewhere) and `logprob`
    is the natural log of the policy's probability of the whole step, <= 0.
    """

    text: str
    token_ids: tuple[int, ...] = ()
    logprob: float = 0.0


@dataclass(frozen=True)
class State:
    """S_t = (x, s_0 .. s_t): a problem and the steps so far. A terminal state holds an answer."""

    problem: Problem
    steps: tuple[Step, ...] = ()
    terminal: bool = False

    @cached_property
    def response(self) -> str:
        return "".join([step.text for step in self.steps])

    @cached_property
    def prompt(self) -> Prompt:
        """What a policy is given to continue this state, in the very tokens it sampled."""
        ids = [step.token_ids for step in self.steps]
        exact = tuple(chain.from_iterable(ids)) if all(ids) else ()
        return Prompt(self.problem.prompt, self.response, exact)

    def then(self, step: Step, terminal: bool = False) -> State:
        state = State(self.problem, (*self.steps, step), terminal)
        state.__dict__["response"] = self.response + step.text  # as the property would find it
        return state


@dataclass(frozen=True, slots=True)
class Prompt:
    """A user message and the response written so far.

    `token_ids` are the response's tokens as sampled; a policy continues from them rather than
    tokenising `response` again. They are empty when the response is empty or not the policy's own.
    """

    user: str
    response: str = ""
    token_ids: tuple[int, ...] = ()


class FinishReason(StrEnum):
    """Why a completion ended: a stop string, the end-of-sequence token, or the token limit."""

    STOP = "stop"
    EOS = "eos"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled continuation, its stop string included, its end-of-sequence token too.

    `token_ids` and `logprobs` have one entry a sampled token; the text of an end-of-sequence
    token is empty. `logprobs` are natural logs under the sampling distribution at temperature 1.
    """

    text: str
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    finish_reason: FinishReason = FinishReason.STOP

    @property
    def tokens(self) -> int:
        """How many tokens were sampled, as far as their ids or log-probabilities are there."""
        return max(len(self.token_ids), len(self.logprobs))


class Status(StrEnum):
    """The class of a verdict. Only `CORRECT` counts as reward 1; the last three are faults."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    UNPARSED = "unparsed"
    TIMEOUT = "timeout"
    BAD_REFERENCE = "bad_reference"
    ERROR = "error"

    @property
    def fault(self) -> bool:
        """Whether the verdict says nothing of the response, so that its reward is unknown."""
        return self in (Status.TIMEOUT, Status.BAD_REFERENCE, Status.ERROR)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier found: the class, the answer it read from the response, and why."""

    status: Status
    answer: str | None = None
    reason: str = ""

    @property
    def correct(self) -> bool:
        return self.status is Status.CORRECT

    @property
    def reward(self) -> float:
        """1.0 for a correct response, else 0.0."""
        return float(self.correct)


@dataclass(slots=True)
class Node:
    """A state in a tree, named by the action that led to it.

    `prior` is Pi(a|S) among its siblings, in [0, 1]; `visit_count` is N; `q_value` is Q in [0, 1];
    `value` is the estimate R of its own state. The root's id is 0 and its parent None.
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
    """What a search found for one problem. `nodes[i].id == i`; `ended` says why it stopped."""

    problem: Problem
    nodes: list[Node]
    ended: str = "finished"

    def path(self, node_id: int) -> list[Node]:
        """Nodes from the first step to `node_id`; the root, which holds no step, is left out."""
        path: list[Node] = []
        node = self.nodes[node_id]
        while node.parent is not None:
            path.append(node)
            node = self.nodes[node.parent]
        return path[::-1]

    def terminals(self) -> list[Node]:
        return [node for node in self.nodes if node.terminal]

    @property
    def solved(self) -> bool:
        return any(node.verdict is not None and node.verdict.correct for node in self.nodes)


class SegmentKind(StrEnum):
    """What a part of a trace does: a step of the tree, or the words between two walks."""

    STEP = "step"
    REFLECTION = "reflection"
    BACKTRACK = "backtrack"


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a trace and the tree node it speaks of.

    A step's node is the step; a reflection's is the terminal it judges; a backtrack's is the
    ancestor it returns to. `train` says whether its tokens bear loss in fine-tuning.
    """

    text: str
    node: int
    kind: SegmentKind = SegmentKind.STEP
    train: bool = True


@dataclass(frozen=True, slots=True)
class Trace:
    """A linearised search: one chain of thought, every segment mapped to its node.

    `rewritten` says whether a policy put it in its own words.
    """

    problem: Problem
    segments: tuple[Segment, ...]
    verdict: Verdict
    rewritten: bool = False

    @property
    def response(self) -> str:
        return "".join(segment.text for segment in self.segments)

    @property
    def backtracks(self) -> int:
        return sum(segment.kind is SegmentKind.BACKTRACK for segment in self.segments)
