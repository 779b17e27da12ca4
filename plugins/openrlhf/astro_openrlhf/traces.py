"""Writes traces as text for OpenRLHF, and predicts the tokens that it reads for the text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from random import Random

from astro.data.detokenizer import Detokenizer, Ids
from astro.data.samples import (
    Inexact,
    NodeSpan,
    SampleBuilder,
    TraceRow,
    TrainingSample,
    read_rows,
)
from astro.errors import TrainingError
from astro.files import write_plain_lines
from astro.seeds import derive
from astro_openrlhf.prompts import PromptWriter

PROMPT, RESPONSE = "prompt", "response"


@dataclass(frozen=True, slots=True)
class TextExample:
    """A trace as text for OpenRLHF, and the training sample that OpenRLHF builds from the text."""

    prompt: str
    response: str
    sample: TrainingSample

    @property
    def length(self) -> int:
        """The number of tokens of prompt and response."""
        return self.sample.length

    @property
    def tokens(self) -> int:
        """The number of loss tokens: those of the response, its end of sequence included."""
        return self.sample.loss_tokens


def read_examples(traces: Path, writer: PromptWriter) -> list[TextExample]:
    """Return one example per row of a traces.jsonl.

    Raises:
        TrainingError: A row cannot be used (the message names its line), or a trace has segments
            that are not trained on.
    """
    return read_rows(traces, partial(_example, writer, SampleBuilder(writer.encoder)))


def _example(writer: PromptWriter, builder: SampleBuilder, row: TraceRow) -> TextExample:
    sample = builder.build(row.asked, row.response, rewritten=row.rewritten)
    if not all(sample.loss_mask):
        raise TrainingError(
            "OpenRLHF trains on whole responses, but a trace has a segment without loss",
            "set linearizer.params.train_wrong_steps=true, or sft.name=transformers",
        )
    prompt = writer.text(row.asked)
    text = "".join(segment.text for segment in row.response)
    decode = writer.tokenizer.decode
    responses = (text + decode([builder.end]), decode(list(sample.response_ids)))
    read = [_as_read(sample, writer, prompt, response) for response in responses]
    return next(
        (
            TextExample(prompt, r, s)
            for r, s in zip(responses, read, strict=True)
            if s.ids == sample.ids
        ),
        TextExample(prompt, responses[0], read[0]),
    )


def _as_read(
    sample: TrainingSample, writer: PromptWriter, prompt: str, response: str
) -> TrainingSample:
    """The sample in the tokens that OpenRLHF's `SFTDataset` reads for `prompt + response`.

    `SFTDataset` appends a space and the end of sequence unless the text ends with it, and encodes
    prompt and response in one piece. The loss excludes as many first tokens as the prompt alone
    has.
    """
    tokenizer, encoder = writer.tokenizer, writer.encoder
    text = (prompt + response).rstrip("\n")
    ends = text.endswith(tokenizer.eos_token)
    ids = tuple(writer.ids(text if ends else f"{text} {tokenizer.eos_token}"))
    if ids == sample.ids:
        return sample
    start = len(sample.prompt_ids)
    read = ids[start:]
    return TrainingSample(
        ids[:start],
        read,
        (True,) * len(read),
        nodes=_spans(sample, read, encoder.detokenizer),
        inexact=_reason(sample, ids[:start]),
    )


def _spans(sample: TrainingSample, read: Ids, detokenizer: Detokenizer) -> tuple[NodeSpan, ...]:
    """The node spans of the sample in the response tokens `read`, located by their texts."""
    kept = [sample.response_ids[span.start : span.stop] for span in sample.nodes]
    texts = [
        detokenizer.text(sample.prompt_ids + sample.response_ids[: span.start], ids)
        for span, ids in zip(sample.nodes, kept, strict=True)
    ]
    stops = [stop for stop, _ in detokenizer.borders(sample.prompt_ids, read, texts)]
    return tuple(
        replace(span, start=start, stop=stop, sampled=span.sampled and read[start:stop] == ids)
        for span, ids, (start, stop) in zip(sample.nodes, kept, pairwise((0, *stops)), strict=True)
    )


def _reason(sample: TrainingSample, prompt_ids: Ids) -> Inexact:
    if prompt_ids != sample.prompt_ids:
        return Inexact.BORDER
    kept = sample.inexact in (Inexact.TOKENIZER, Inexact.REWRITTEN)
    return sample.inexact if sample.inexact and kept else Inexact.RETOKENIZED


def plan(
    examples: Sequence[TextExample],
    *,
    batch_size: int,
    epochs: float,
    tokens: int | None,
    seed: int,
) -> list[TextExample]:
    """Return the examples of a whole training: `epochs` passes, or `tokens` loss tokens if given.

    Each pass has another order. The last batch is filled from the next pass, because OpenRLHF drops
    incomplete batches.
    """
    passes = (example for number in count() for example in _shuffled(examples, seed, number))
    planned: list[TextExample] = []
    wanted = max(1, round(epochs * len(examples))) if tokens is None else 0
    trained = 0
    while len(planned) < wanted or trained < (tokens or 0) or len(planned) % batch_size:
        planned.append(next(passes))
        trained += planned[-1].tokens
    return planned


def write_examples(path: Path, examples: Sequence[TextExample]) -> None:
    """Write the file that OpenRLHF reads."""
    write_plain_lines(path, ({PROMPT: e.prompt, RESPONSE: e.response} for e in examples))


def _shuffled(examples: Sequence[TextExample], seed: int, number: int) -> Iterator[TextExample]:
    yield from Random(derive(seed, "traces", number)).sample(list(examples), len(examples))
