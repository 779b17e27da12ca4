"""The documents that the page reads, from the file itself, from chunks beside it, or from a server.

A document is a JSON value with a name: `run`, `trees`, `trees/0` and so on, `responses/MODEL`,
`responses/MODEL/0` and so on, and `training`. MODEL is percent-encoded. If chunks lie beside the
page, its document `chunks` maps the name of each to the name of its file.
`web/src/documents.ts` declares the same types. Lists that have one entry per node, tree or problem
are columns of the same length. Numbers are those of the run's files, unrounded. None is a value
that the run's files do not have; it is never 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

from msgspec import Struct, field

PER_CHUNK = 25
"""The most trees, or problems with responses, in one chunk."""
CHUNK_BYTES = 1_000_000
"""The size of the JSON of a chunk at which the next one begins."""
_MOST_EXACT = 2**53
"""The whole number up to which JavaScript holds every one."""


def readable(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of a problem, with JSON text in place of what JavaScript would not hold exactly.

    That is a whole number beyond 2^53, a number that is not finite, or a list or mapping that has
    one.
    """
    return {key: value if _exact(value) else _as_text(value) for key, value in metadata.items()}


def _exact(value: Any) -> bool:
    """Whether JavaScript holds every number in a value. Nested values may be of any depth."""
    rest = [value]
    while rest:
        match rest.pop():
            case int() as number if abs(number) > _MOST_EXACT:
                return False
            case float() as number if not isfinite(number):
                return False
            case dict() as inner:
                rest.extend(inner.values())
            case list() | tuple() as inner:
                rest.extend(inner)
    return True


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class ModelHead(Struct):
    """A model that was evaluated: its `name` in the run's files, and its `title` in tables."""

    name: str
    title: str


class AccuracyCurve(Struct):
    """A search of a comparison: its tokens and accuracy, a share with its interval, by budget."""

    search: str
    tokens: list[float]
    accuracy: list[float]
    low: list[float]
    high: list[float]


class RunDocument(Struct):
    """What the page needs before anything else.

    Attributes:
        name: The name of the run.
        arms: The kinds of traces that the run has, such as `sft` and `direct_sft`, with titles.
        models: The models with responses, in the order of tables.
        search: Whether there are trees.
        training: Whether there are training curves.
        live: Whether the run may still grow, as in the live view.
        accuracy: Curves to draw above the results, if this is a comparison of searches.
    """

    name: str
    arms: list[ModelHead] = field(default_factory=list)
    models: list[ModelHead] = field(default_factory=list)
    search: bool = False
    training: bool = False
    live: bool = False
    accuracy: list[AccuracyCurve] = field(default_factory=list)


class TreeList(Struct):
    """All trees of a run, one entry per tree in each column, in the order of the run's file.

    Attributes:
        id: The problem's id.
        prompt: The beginning of the problem, at most 200 characters.
        size: The number of nodes.
        depth: The greatest depth of a node.
        tokens: The number of tokens that were sampled for the nodes; None if they are not known.
        ended: Why the search stopped.
        verdicts: For each tree, how many terminals have each class of verdict; `none` counts
            terminals without one.
        traces: The number of traces of all arms.
        metadata: The problem's metadata, for columns such as `level`.
        chunk: The number of the chunk that holds the tree.
    """

    id: list[str] = field(default_factory=list)
    prompt: list[str] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    depth: list[int] = field(default_factory=list)
    tokens: list[int | None] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    verdicts: list[dict[str, int]] = field(default_factory=list)
    traces: list[int] = field(default_factory=list)
    metadata: list[dict[str, Any]] = field(default_factory=list)
    chunk: list[int] = field(default_factory=list)


class VerdictEntry(Struct, array_like=True):
    """A verdict: `[status, answer, reason]`."""

    status: str
    answer: str | None = None
    reason: str = ""


class SegmentEntry(Struct, array_like=True):
    """A segment of a trace: `[node, kind, train, text]`.

    `text` is None if it is exactly the text of the node's step.
    """

    node: int
    kind: str
    train: bool
    text: str | None = None


class TraceEntry(Struct):
    """A trace of a tree. `arm` is one of the run's; `answer` is what the verifier read."""

    id: str
    arm: str
    segments: list[SegmentEntry]
    answer: str | None = None
    rewritten: bool = False


class TreeDocument(Struct):
    """A tree: one entry per node in each column, the root first, parents before their children.

    Attributes:
        number: The index of the tree in the list of trees.
        id: The problem's id.
        prompt: The whole problem.
        answer: The reference answer.
        metadata: The problem's metadata.
        ended: Why the search stopped.
        parent: The index of the parent; -1 for the root.
        text: The step.
        tokens: The number of sampled tokens of the step; 0 if they are not known.
        prior: The policy's probability among the siblings.
        visits: The visit count N.
        q: The action value Q, in [0, 1].
        value: The estimate of the state's value, in [0, 1].
        logprob: The natural log of the step's probability.
        terminal: Whether the response ends here.
        verdict: The index of the verdict in `verdicts`; -1 for none.
        verdicts: The different verdicts of the tree.
        traces: The traces of the tree, of all arms.
        finished: Whether the search of this problem has ended; False only in the live view.
    """

    number: int
    id: str
    prompt: str
    answer: str
    metadata: dict[str, Any]
    ended: str
    parent: list[int]
    text: list[str]
    tokens: list[int]
    prior: list[float]
    visits: list[int]
    q: list[float]
    value: list[float]
    logprob: list[float]
    terminal: list[bool]
    verdict: list[int]
    verdicts: list[VerdictEntry]
    traces: list[TraceEntry] = field(default_factory=list)
    finished: bool = True


class PartEntry(Struct, array_like=True):
    """A part of a response: `[kind, text, target]`, in order; their texts are the response.

    `kind` is `step`, `reflection` or `backtrack`. `target` is, of a backtrack, the index of the
    part that holds the step to which it returns, or -1 for the beginning; otherwise None, as it is
    for a backtrack whose target was not found.
    """

    kind: str
    text: str
    target: int | None = None


class ResponseEntry(Struct):
    """A response of a model. `greedy` tells the greedy response from the sampled ones."""

    parts: list[PartEntry]
    finish_reason: str
    verdict: VerdictEntry
    tokens: int
    greedy: bool = False


class ProblemResponses(Struct):
    """An evaluated problem with a model's responses."""

    id: str
    evaluation_set: str
    prompt: str
    answer: str
    metadata: dict[str, Any]
    responses: list[ResponseEntry]


class ResponseList(Struct):
    """The evaluated problems of a model, one entry per problem in each column.

    `correct` is the number of correct samples of `samples`; `backtracks` is their number of
    backtracks in all; `greedy` is the class of the greedy response's verdict, None without one.
    `chunk` is the number of the chunk that holds the responses.
    """

    id: list[str] = field(default_factory=list)
    evaluation_set: list[str] = field(default_factory=list)
    prompt: list[str] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)
    correct: list[int] = field(default_factory=list)
    greedy: list[str | None] = field(default_factory=list)
    backtracks: list[int] = field(default_factory=list)
    metadata: list[dict[str, Any]] = field(default_factory=list)
    chunk: list[int] = field(default_factory=list)


class Series(Struct):
    """A curve: `y[i]` at `x[i]`, None where the trainer logged no value."""

    name: str
    x: list[float]
    y: list[float | None]


class TrainingCurves(Struct):
    """The curves of one training, or of one training of each run of a study, under `title`."""

    title: str
    series: list[Series]


class TrainingDocument(Struct):
    """The curves of all trainings."""

    trainings: list[TrainingCurves] = field(default_factory=list)
