"""Training samples: a prompt, and a response in the tokens that the policy sampled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from astro.data.detokenizer import Ids
from astro.data.prompts import PromptEncoder
from astro.errors import TrainingError
from astro.types import Prompt, Segment, SegmentKind

T = TypeVar("T")

MOST_LOSSY = 0.1
"""The share of traces whose text a tokenizer may change before a training is refused."""


class Inexact(StrEnum):
    """Why the tokens of a sample may differ from those that a policy would sample."""

    TOKENIZER = "tokenizer"
    """The tokens do not decode to the response."""
    BORDER = "border"
    """Encoded in one piece, prompt and response share a token."""
    RETOKENIZED = "retokenized"
    """The trainer encodes the text itself, and reads other tokens."""
    REWRITTEN = "rewritten"
    """A policy rewrote the response, and its tokens were not kept."""
    UNSAMPLED = "unsampled"
    """The sampled tokens of a step are unknown, or belong to another tokenizer."""


@dataclass(frozen=True, slots=True)
class NodeSpan:
    """The response tokens that express a tree node.

    Attributes:
        node: The id of the node.
        start: The index of the first token.
        stop: The index after the last token.
        kind: What the text says about the node.
        sampled: Whether these are the tokens that the policy sampled; None if it did not sample
            them, or if they were not kept.
    """

    node: int
    start: int
    stop: int
    kind: SegmentKind = SegmentKind.STEP
    sampled: bool | None = None


@dataclass(frozen=True, slots=True)
class TrainingSample:
    """A prompt of P tokens and one response of T tokens to it, as every trainer reads them.

    Attributes:
        prompt_ids: The prompt's token ids, `[P]`.
        response_ids: The response's token ids, `[T]`, including its end-of-sequence token.
        loss_mask: Whether each response token is a loss token, `[T]`.
        logprobs: Natural logs of the probabilities under the policy that sampled the response, at
            temperature 1, `[T]`, each <= 0.
        advantages: The advantage of each response token, `[T]`.
        reward: The reward of the whole response; 1 if it is correct, else 0.
        group: A number that is equal for samples of one prompt whose rewards are compared.
        nodes: The tree nodes that the response expresses, in the order of its tokens.
        inexact: Why the tokens may differ from those that a policy would sample; None if they are
            exact.
    """

    prompt_ids: Ids
    response_ids: Ids
    loss_mask: tuple[bool, ...]
    logprobs: tuple[float, ...] | None = None
    advantages: tuple[float, ...] | None = None
    reward: float | None = None
    group: int = 0
    nodes: tuple[NodeSpan, ...] = ()
    inexact: Inexact | None = None

    @classmethod
    def sampled(
        cls,
        prompt_ids: Ids,
        response_ids: Ids,
        logprobs: tuple[float, ...],
        reward: float,
        *,
        group: int = 0,
        trained: bool = True,
    ) -> TrainingSample:
        """Return the sample of a response that a policy has just sampled.

        Its tokens are all loss tokens if `trained`, and otherwise none is.
        """
        mask = (trained,) * len(response_ids)
        return cls(prompt_ids, response_ids, mask, logprobs, reward=reward, group=group)

    @property
    def ids(self) -> Ids:
        """The token ids of prompt and response, `[P + T]`."""
        return self.prompt_ids + self.response_ids

    @property
    def length(self) -> int:
        """The number of tokens of prompt and response, P + T."""
        return len(self.prompt_ids) + len(self.response_ids)

    @property
    def loss_tokens(self) -> int:
        """The number of loss tokens."""
        return sum(self.loss_mask)


class SampleBuilder:
    """Builds samples from the segments of traces, with prompts encoded by `encoder`.

    Raises:
        TrainingError: The tokenizer has no token that can end a response.
    """

    def __init__(self, encoder: PromptEncoder) -> None:
        end = encoder.end_id()
        if end is None:
            raise TrainingError(
                "the tokenizer has no end-of-sequence token, which every response ends with",
                "set eos_token in its tokenizer_config.json",
            )
        self.end = end
        self._encoder = encoder

    def build(
        self, asked: Prompt | str, segments: Sequence[Segment], *, rewritten: bool = False
    ) -> TrainingSample:
        """Build the sample of a response that consists of `segments`, to a user message.

        A segment with sampled ids keeps them, except for an end-of-sequence token at its end. Text
        between sampled segments is encoded as running text. The token that ends a response comes
        last.
        """
        user = Prompt(asked) if isinstance(asked, str) else asked
        draft, run = _Draft("".join(segment.text for segment in segments)), list[Segment]()
        for segment in segments:
            own = self._own(segment)
            if own is not None:
                self._encode(user, draft, run)
                run = []
                if self._text(user, draft, own) == segment.text:
                    draft.append(segment, own, sampled=True)
                    continue
            run.append(segment)
        self._encode(user, draft, run)
        inexact = self._inexact(user, draft, rewritten)
        return TrainingSample(
            self._encoder.start(user),
            (*draft.ids, self.end),
            (*draft.mask, True),
            nodes=tuple(draft.nodes),
            inexact=inexact,
        )

    def _own(self, segment: Segment) -> Ids | None:
        """The segment's sampled ids without special tokens at their end, since text may follow.

        None if there are none, or if they belong to another tokenizer. A leading space is not
        compared, since some tokenizers write it only if text precedes it.
        """
        detokenizer, ids = self._encoder.detokenizer, segment.token_ids
        if not ids or not self._encoder.knows(ids):
            return None
        while ids and (ids[-1] == self.end or detokenizer.special(ids[-1])):
            ids = ids[:-1]
        same = detokenizer.text((), ids).removeprefix(" ") == segment.text.removeprefix(" ")
        return ids if same else None

    def _text(self, user: Prompt, draft: _Draft, ids: Ids) -> str:
        """The text of `ids` after the tokens of the draft."""
        return self._encoder.detokenizer.text(self._encoder.start(user) + draft.ids, ids)

    def _encode(self, user: Prompt, draft: _Draft, run: Sequence[Segment]) -> None:
        """Append segments that are encoded in one piece."""
        if not run:
            return
        texts = [segment.text for segment in run]
        begun = replace(user, response=draft.response[: draft.written], token_ids=draft.ids)
        after = draft.response[draft.written + sum(map(len, texts)) :]
        ids = self._encoder.following(begun, "".join(texts), after)
        before = self._encoder.encode(begun)
        ends = [end for end, _ in self._encoder.detokenizer.borders(before, ids, texts[:-1])]
        for segment, (start, end) in zip(run, pairwise((0, *ends, len(ids))), strict=True):
            draft.append(segment, ids[start:end], sampled=False)

    def _inexact(self, user: Prompt, draft: _Draft, rewritten: bool) -> Inexact | None:
        nodes, encoder = draft.nodes, self._encoder
        if encoder.detokenizer.text(encoder.start(user), draft.ids) != draft.response:
            return Inexact.TOKENIZER
        if rewritten:
            return Inexact.REWRITTEN
        if (
            nodes
            and not nodes[0].sampled
            and encoder.response(user.user, draft.response, user.turns) is None
        ):
            return Inexact.BORDER
        if any(span.kind is SegmentKind.STEP and not span.sampled for span in nodes):
            return Inexact.UNSAMPLED
        return None


@dataclass(slots=True)
class _Draft:
    """The part of a response that is encoded so far: its first `written` characters."""

    response: str
    written: int = 0
    ids: Ids = ()
    mask: tuple[bool, ...] = ()
    nodes: list[NodeSpan] = field(default_factory=list)

    def append(self, segment: Segment, ids: Ids, *, sampled: bool) -> None:
        start, known = len(self.ids), sampled if segment.token_ids else None
        self.nodes.append(NodeSpan(segment.node, start, start + len(ids), segment.kind, known))
        self.written += len(segment.text)
        self.ids += ids
        self.mask += (segment.train,) * len(ids)


@dataclass(frozen=True, slots=True)
class Message:
    """The part of a chat message that trainers read."""

    content: str


@dataclass(frozen=True, slots=True)
class TraceRow:
    """The part of a row of traces.jsonl that trainers read: the messages, the last the response.

    If there are no segments, all tokens of the response are loss tokens. `prompt` is what is asked
    where prompts are raw; by default it is the user message.
    """

    messages: Annotated[tuple[Message, ...], msgspec.Meta(min_length=2)]
    segments: tuple[Segment, ...] = ()
    rewritten: bool = False
    prompt: str = ""

    @property
    def asked(self) -> Prompt:
        """What is asked."""
        turns = tuple(message.content for message in self.messages[:-1])
        return Prompt(self.prompt or turns[-1], turns=turns if len(turns) > 1 else ())

    @property
    def response(self) -> tuple[Segment, ...]:
        """The segments of the response."""
        return self.segments or (Segment(self.messages[-1].content),)


def read_samples(traces: Path, builder: SampleBuilder) -> list[TrainingSample]:
    """Return one sample per row of a traces.jsonl.

    Raises:
        TrainingError: A row cannot be used; the message names its line.
    """
    return read_rows(
        traces, lambda row: builder.build(row.asked, row.response, rewritten=row.rewritten)
    )


def read_rows(traces: Path, make: Callable[[TraceRow], T]) -> list[T]:
    """Return the result of `make` for each row of a traces.jsonl.

    Raises:
        TrainingError: A row cannot be used; the message names its line.
    """
    decode = msgspec.json.Decoder(TraceRow).decode
    made = []
    with traces.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                made.append(make(decode(line)))
            except (msgspec.MsgspecError, ValueError, TypeError) as error:
                raise TrainingError(
                    f"{traces}, line {number}: not a trace ({type(error).__name__}: {error})",
                    "expected rows with messages and segments",
                ) from None
    return made


def check_kept(samples: Sequence[TrainingSample], traces: Path) -> None:
    """Check that the tokens of nearly all samples decode to their responses.

    Raises:
        TrainingError: The tokenizer loses text in more than `MOST_LOSSY` of them.
    """
    lossy = sum(sample.inexact is Inexact.TOKENIZER for sample in samples)
    if lossy > MOST_LOSSY * len(samples):
        raise TrainingError(
            f"{traces}: the tokenizer does not keep the text of {lossy} of {len(samples)} traces",
            "take a model whose tokenizer keeps line breaks, spaces and signs",
        )


def exactness(samples: Iterable[TrainingSample]) -> dict[str, float]:
    """Return metrics of how many samples consist of the tokens that were sampled.

    `sampled_step_segments` is a share in [0, 1]: among the step segments whose sampled tokens are
    known, those that are trained on in these tokens. It is absent if there are no such segments.
    `unknown_step_segments` is the number of step segments whose sampled tokens are not known. Both
    exclude rewritten traces. `inexact/<reason>` is the number of samples per `Inexact`.
    """
    found = list(samples)
    steps = [
        span.sampled
        for sample in found
        if sample.inexact is not Inexact.REWRITTEN
        for span in sample.nodes
        if span.kind is SegmentKind.STEP
    ]
    reasons = Counter(sample.inexact for sample in found)
    known = [sampled for sampled in steps if sampled is not None]
    return {
        **({"sampled_step_segments": sum(known) / len(known)} if known else {}),
        "unknown_step_segments": float(steps.count(None)),
        **{f"inexact/{reason}": float(reasons[reason]) for reason in Inexact},
    }
