"""Training samples, on tokenizers that join across the borders of segments and prompts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

from astro.data.prompts import PromptEncoder
from astro.data.samples import (
    Inexact,
    SampleBuilder,
    TrainingSample,
    exactness,
    read_samples,
)
from astro.errors import TrainingError
from astro.plugins.binding import PromptConfig
from astro.types import Segment, SegmentKind

TEXT = [
    "## Step 1: add\nso 3 + 4 = 7.\n\n## Step 2: so the answer is 12.\n\n",
    "But wait, let's check.\n\n",
    "user assistant 6 * 7\n\n so we add 3 and 4.\n\nLet's go back to the beginning.\n\n",
] * 4
SPECIAL = ["<pad>", "<bos>", "<eos>", "<|turn|>", "<|done|>"]
TURN = "{% for m in messages %}<|turn|>{{ m.role }}\n{{ m.content }}<|done|>\n{% endfor %}"
CHAT = TURN + "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
BLANK_LINE = CHAT.replace("assistant\n", "assistant\n\n")

FIRST = "## Step 1: add\nso 3 + 4 = 7.\n\n"
DOUBT = "But wait, let's check.\n\n"
BACK = "Let's go back to the beginning.\n\n"
LAST = "## Step 2: so the answer is 12."


def wrap(backend: Tokenizer, template: str, eos: str = "<|done|>") -> PreTrainedTokenizerFast:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, bos_token="<bos>", eos_token=eos)
    tokenizer.chat_template = template
    return tokenizer


def byte_level(template: str = CHAT, eos: str = "<|done|>") -> PreTrainedTokenizerFast:
    """GPT-2's kind, on which `\\n\\n` is one token alone and two before a word."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=400,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator([*TEXT, *["\n\n"] * 20], trainer)
    return wrap(backend, template, eos)


def metaspace() -> PreTrainedTokenizerFast:
    """Llama 2's kind, which writes a space before every text that it is given."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    alphabet = sorted(set("".join(TEXT)))
    trainer = BpeTrainer(
        vocab_size=300, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(TEXT, trainer)
    steps = [decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    backend.decoder = decoders.Sequence(steps)
    return wrap(backend, CHAT)


def lossy() -> PreTrainedTokenizerFast:
    """Drops every space."""
    words = [*SPECIAL, "so", "12", "."]
    backend = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="."))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(" +"), "removed")
    backend.decoder = decoders.Fuse()
    return wrap(backend, CHAT)


def ids(tokenizer: PreTrainedTokenizerFast, text: str) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def running(tokenizer: PreTrainedTokenizerFast, *texts: str) -> list[tuple[int, ...]]:
    """The ids of texts that follow one another, each as it is written token by token after the
    last: a space or line break at a time."""
    return [sum((ids(tokenizer, char) for char in text), ()) for text in texts]


def walk(tokenizer: PreTrainedTokenizerFast) -> list[Segment]:
    """A wrong step, a doubt and a return without ids, and a last step that ended in `<|done|>`."""
    first, last = running(tokenizer, FIRST, LAST)
    return [
        Segment(FIRST, 1, token_ids=first),
        Segment(DOUBT, 1, SegmentKind.REFLECTION),
        Segment(BACK, 0, SegmentKind.BACKTRACK),
        Segment(LAST, 2, token_ids=(*last, SPECIAL.index("<|done|>"))),
    ]


def builder(tokenizer: PreTrainedTokenizerFast) -> SampleBuilder:
    return SampleBuilder(PromptEncoder(tokenizer))


def decoded(tokenizer: PreTrainedTokenizerFast, sample: TrainingSample) -> str:
    """What the response's ids add to the text of the prompt."""
    prompt, whole = (
        tokenizer.decode(part, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        for part in (sample.prompt_ids, sample.ids)
    )
    assert whole.startswith(prompt)
    return whole[len(prompt) :]


def test_steps_keep_the_tokens_that_were_sampled() -> None:
    tokenizer = byte_level()
    segments = walk(tokenizer)
    sample = builder(tokenizer).build("6 * 7", segments)
    assert sample.inexact is None and all(sample.loss_mask)
    assert decoded(tokenizer, sample) == FIRST + DOUBT + BACK + LAST
    assert [(span.node, span.kind, span.sampled) for span in sample.nodes] == [
        (1, SegmentKind.STEP, True),
        (1, SegmentKind.REFLECTION, None),
        (0, SegmentKind.BACKTRACK, None),
        (2, SegmentKind.STEP, True),
    ]
    first, *_, last = (sample.response_ids[span.start : span.stop] for span in sample.nodes)
    assert first == segments[0].token_ids and (*last, 4) == segments[3].token_ids
    assert sample.response_ids[-1] == 4 and sample.response_ids.count(4) == 1


def test_text_between_steps_is_encoded_as_running_text() -> None:
    """At the end of a text `\\n\\n` is one token; before a word it is two, as in training data."""
    tokenizer = byte_level()
    assert len(ids(tokenizer, "\n\n")) == 1 and len(ids(tokenizer, "\n\nBut")) > 2
    sample = builder(tokenizer).build("6 * 7", walk(tokenizer))
    doubt, back = (
        tokenizer.convert_ids_to_tokens(sample.response_ids[span.start : span.stop])
        for span in sample.nodes[1:3]
    )
    assert doubt[-3:] == back[-3:] == [".", "Ċ", "Ċ"]
    whole = ids(tokenizer, FIRST + DOUBT + BACK + LAST)
    between = sample.response_ids[sample.nodes[1].start : sample.nodes[2].stop]
    assert any(whole[i : i + len(between)] == between for i in range(len(whole)))


@pytest.mark.parametrize("make", [byte_level, metaspace])
def test_without_sampled_ids_the_response_is_encoded_once(make) -> None:  # type: ignore[no-untyped-def]
    tokenizer = make()
    segments = [replace(segment, token_ids=()) for segment in walk(tokenizer)]
    sample = builder(tokenizer).build("6 * 7", segments)
    text = "".join(segment.text for segment in segments)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "6 * 7"}], add_generation_prompt=True, tokenize=False
    )
    assert sample.ids == (*ids(tokenizer, prompt + text), 4)
    assert decoded(tokenizer, sample) == text
    assert sample.inexact is Inexact.UNSAMPLED
    assert [sample.nodes[0].start, sample.nodes[-1].stop] == [0, len(sample.response_ids) - 1]
    said, start = "", 0
    for span, segment in zip(sample.nodes, segments, strict=True):
        said += segment.text
        assert span.start == start and span.sampled is None
        cut = [
            replace(sample, response_ids=sample.response_ids[:n])
            for n in (span.stop, span.stop - 1)
        ]
        assert [decoded(tokenizer, part).startswith(said) for part in cut] == [True, False]
        start = span.stop


def test_metaspace_writes_no_space_before_a_segment() -> None:
    tokenizer = metaspace()
    first = ids(tokenizer, f"\n{FIRST}")[2:]
    segments = walk(tokenizer)
    segments[0] = replace(segments[0], token_ids=first)
    segments[3] = replace(segments[3], token_ids=())
    sample = builder(tokenizer).build("6 * 7", segments)
    assert decoded(tokenizer, sample) == FIRST + DOUBT + BACK + LAST
    assert sample.response_ids[: len(first)] == first and sample.nodes[0].sampled
    assert sample.inexact is Inexact.UNSAMPLED


def test_a_prompt_and_a_response_that_share_a_token() -> None:
    tokenizer = byte_level(BLANK_LINE)
    encoder = PromptEncoder(tokenizer)
    assert encoder.response("6 * 7", "so 12.") is None
    sample = SampleBuilder(encoder).build("6 * 7", [Segment("so 12.", 1)])
    assert sample.prompt_ids == encoder.user("6 * 7")
    assert decoded(tokenizer, sample) == "so 12."
    assert sample.inexact is Inexact.BORDER
    sampled = Segment("so 12.", 1, token_ids=ids(tokenizer, "so 12."))
    assert SampleBuilder(encoder).build("6 * 7", [sampled]).inexact is None


def test_what_the_tokenizer_cannot_write_is_said() -> None:
    sample = builder(lossy()).build("so", [Segment("so 12", 1)])
    assert sample.inexact is Inexact.TOKENIZER


def test_ids_of_another_tokenizer_are_not_taken() -> None:
    tokenizer = byte_level()
    for foreign in ((7, 8, 9), (10**9,), (-1,), (2**70,)):
        sample = builder(tokenizer).build("6 * 7", [Segment(LAST, 1, token_ids=foreign)])
        assert decoded(tokenizer, sample) == LAST
        assert sample.nodes[0].sampled is False and sample.inexact is Inexact.UNSAMPLED


def test_a_step_that_is_an_end_of_sequence_alone_has_no_tokens() -> None:
    tokenizer = byte_level()
    end = Segment("", 3, token_ids=(SPECIAL.index("<|done|>"),))
    sample = builder(tokenizer).build("6 * 7", [*walk(tokenizer), end])
    assert sample == replace(builder(tokenizer).build("6 * 7", walk(tokenizer)), nodes=sample.nodes)
    assert sample.nodes[-1].sampled and sample.nodes[-1].start == sample.nodes[-1].stop


def test_loss_is_on_segments_that_are_trained_and_on_the_end() -> None:
    tokenizer = byte_level()
    segments = [replace(s, train=s.node == 2) for s in walk(tokenizer)]
    sample = builder(tokenizer).build("6 * 7", segments)
    last = sample.nodes[-1]
    assert sample.loss_mask == tuple(i >= last.start for i in range(len(sample.response_ids)))
    assert sample.loss_tokens == last.stop - last.start + 1


@pytest.mark.parametrize(
    ("template", "eos", "end"),
    [
        (CHAT, "<|done|>", "<|done|>"),
        (CHAT, "<eos>", "<|done|>"),
        (TURN.replace("<|done|>", ""), "<eos>", "<eos>"),
        (CHAT.replace("<|turn|>", "# "), "<eos>", "<|done|>"),
        (CHAT.replace("\n{% endfor", "{% endfor").replace("<|done|>", ""), "<eos>", "<eos>"),
        ("{% for m in messages %}<|turn|>{{ m.content }}{% endfor %}<|turn|>", "<eos>", "<eos>"),
        (
            "{{ raise_exception('one turn only') if messages[1:] }}{{ messages[0].content }}",
            "<eos>",
            "<eos>",
        ),
        (None, "<eos>", "<eos>"),
    ],
)
def test_a_response_ends_as_the_template_closes_a_turn(
    template: str | None, eos: str, end: str
) -> None:
    tokenizer = byte_level(eos=eos)
    tokenizer.chat_template = template
    assert builder(tokenizer).end == SPECIAL.index(end)


def test_a_tokenizer_without_an_end_is_refused() -> None:
    tokenizer = byte_level("{{ messages[0].content }}")
    tokenizer.eos_token = None
    with pytest.raises(TrainingError, match=r"no end-of-sequence token.*eos_token"):
        builder(tokenizer)


def row(segments: list[Segment], **more: object) -> str:
    text = "".join(segment.text for segment in segments)
    messages = [{"role": "user", "content": "6 * 7"}, {"role": "assistant", "content": text}]
    parts = [
        {"text": s.text, "node": s.node, "kind": s.kind, "train": s.train, "token_ids": s.token_ids}
        for s in segments
    ]
    return json.dumps({"messages": messages, "segments": parts, **more}) + "\n"


def test_rows_and_how_exact_they_are(tmp_path: Path) -> None:
    tokenizer = byte_level()
    segments = walk(tokenizer)
    foreign = [replace(segments[3], token_ids=(7,))]
    plain = [replace(segment, token_ids=()) for segment in segments]
    path = tmp_path / "traces.jsonl"
    path.write_text(row(segments) + row(foreign) + row(plain) + row(plain, rewritten=True))
    samples = read_samples(path, builder(tokenizer))
    assert samples[0] == builder(tokenizer).build("6 * 7", segments)
    assert exactness(samples) == {
        "sampled_step_segments": pytest.approx(2 / 3),
        "unknown_step_segments": 2,
        "inexact/tokenizer": 0,
        "inexact/border": 0,
        "inexact/retokenized": 0,
        "inexact/rewritten": 1,
        "inexact/unsampled": 2,
    }
    assert "sampled_step_segments" not in exactness(samples[2:])


def test_a_row_of_several_messages_is_trained_as_it_is_asked(tmp_path: Path) -> None:
    tokenizer, path = byte_level(), tmp_path / "traces.jsonl"
    said = ("1 + 1", "it is 2.", "6 * 7", "so the answer is 12.")
    roles = ("user", "assistant") * 2
    messages = [{"role": r, "content": t} for r, t in zip(roles, said, strict=True)]
    path.write_text(json.dumps({"messages": messages, "prompt": "all of it"}))
    (sample,) = read_samples(path, builder(tokenizer))
    written = tokenizer.apply_chat_template(messages, return_dict=False)
    assert [*sample.ids, *builder(tokenizer)._encoder.text("\n")] == written
    raw = SampleBuilder(PromptEncoder(tokenizer, PromptConfig(style="raw")))
    assert read_samples(path, raw)[0].prompt_ids == raw._encoder.user("all of it")


def test_a_row_without_segments_is_one_response(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text(json.dumps({"messages": json.loads(row(walk(byte_level())))["messages"]}))
    (sample,) = read_samples(path, builder(byte_level()))
    assert decoded(byte_level(), sample) == FIRST + DOUBT + BACK + LAST
    assert len(sample.nodes) == 1 and all(sample.loss_mask)
