"""Traces as OpenRLHF reads them, and the batches of a training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from astro.data.samples import Inexact, TrainingSample, exactness
from astro.errors import TrainingError
from astro.plugins.models import checkpoint
from astro_openrlhf.prompts import PromptWriter
from astro_openrlhf.traces import TextExample, plan, read_examples

EXAMPLES = [
    TextExample(str(n), "", TrainingSample((0,) * (10 - n), (0,) * n, (True,) * n))
    for n in range(1, 6)
]


@pytest.fixture
def writer() -> PromptWriter:
    return PromptWriter(checkpoint("tiny-countdown"))


def trace(text: str, **more: Any) -> str:
    said = {"user": "use 1 2 12 to make 11", "assistant": text}
    messages = [{"role": role, "content": content} for role, content in said.items()]
    return json.dumps({"messages": messages, **more})


def test_an_example(tmp_path: Path, writer: PromptWriter) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text(trace("1 + 2 = 3\n", segments=[{"text": "1 + 2 = 3\n", "train": True}]))
    (example,) = read_examples(path, writer)
    assert example.prompt == "use 1 2 12 to make 11\n"
    assert example.response == "1 + 2 = 3\n<eos>"
    assert example.tokens == len(writer.ids(example.response))
    assert example.length == example.tokens + len(writer.ids(example.prompt))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: not a trace"),
        ('{"messages": 3}', "line 1: not a trace"),
        (trace("a", segments=[{"text": "a", "train": False}]), "OpenRLHF trains on whole resp"),
    ],
)
def test_what_is_no_trace(tmp_path: Path, writer: PromptWriter, line: str, message: str) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(TrainingError, match=message):
        read_examples(path, writer)


TURN = "{% for m in messages %}<user>{{ m.content }}<done>{% endfor %}"
STEPS = ("3 + 4 = 7.\n\n", "so 12.")


def byte_level(folder: Path, between: str = "<answer>", eos: str = "<done>") -> PromptWriter:
    """GPT-2's kind: every byte is a token, `\\n\\n` is one at the end of a text."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        special_tokens=["<user>", "<answer>", "<done>", "<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(["so", "\n\n", "12"] * 3, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=eos)
    tokenizer.chat_template = TURN + "{% if add_generation_prompt %}" + between + "{% endif %}"
    tokenizer.save_pretrained(folder)
    return PromptWriter(str(folder))


def steps(*token_ids: list[int]) -> str:
    segments = [
        {"text": text, "node": node, "token_ids": ids}
        for node, (text, ids) in enumerate(zip(STEPS, token_ids, strict=True), 1)
    ]
    return trace("".join(STEPS), segments=segments)


def test_text_whose_tokens_are_the_sampled_ones(tmp_path: Path) -> None:
    writer = byte_level(tmp_path)
    whole = writer.ids("".join(STEPS))
    last = writer.ids(STEPS[1])
    (tmp_path / "traces.jsonl").write_text(steps(whole[: -len(last)], last))
    (example,) = read_examples(tmp_path / "traces.jsonl", writer)
    assert list(example.sample.ids) == writer.ids(example.prompt + example.response)
    assert example.response == "".join(STEPS) + "<done>" and example.sample.inexact is None
    assert exactness([example.sample])["sampled_step_segments"] == 1


def test_steps_that_openrlhf_reads_in_other_tokens_are_counted(tmp_path: Path) -> None:
    """The first step was sampled with `\\n\\n` as one token, which running text has as two."""
    writer = byte_level(tmp_path)
    first, last = map(writer.ids, STEPS)
    (tmp_path / "traces.jsonl").write_text(steps(first, last))
    (example,) = read_examples(tmp_path / "traces.jsonl", writer)
    assert list(example.sample.ids) == writer.ids(example.prompt + example.response)
    assert [span.sampled for span in example.sample.nodes] == [False, True]
    metrics = exactness([example.sample])
    assert metrics["sampled_step_segments"] == 0.5 and metrics["inexact/retokenized"] == 1


def test_a_prompt_that_shares_a_token_with_its_response(tmp_path: Path) -> None:
    writer = byte_level(tmp_path, between="<answer>\n\n")
    (tmp_path / "traces.jsonl").write_text(trace("so 12."))
    (example,) = read_examples(tmp_path / "traces.jsonl", writer)
    assert example.sample.inexact is Inexact.BORDER
    assert example.length == len(writer.ids(example.prompt + example.response))


def test_a_turn_that_another_token_closes(tmp_path: Path) -> None:
    """OpenRLHF ends what it trains on with a space and the end of sequence."""
    writer = byte_level(tmp_path, eos="<eos>")
    (tmp_path / "traces.jsonl").write_text(trace("so 12."))
    (example,) = read_examples(tmp_path / "traces.jsonl", writer)
    assert example.response == "so 12.<done>"
    assert list(example.sample.response_ids) == writer.ids("so 12.<done> <eos>")
    assert example.sample.inexact is Inexact.RETOKENIZED


def test_epochs_are_passes_and_the_last_batch_is_filled() -> None:
    planned = plan(EXAMPLES, batch_size=4, epochs=2, tokens=None, seed=0)
    assert len(planned) == 12
    assert {e.tokens for e in planned[:5]} == {e.tokens for e in planned[5:10]} == {1, 2, 3, 4, 5}


def test_part_of_an_epoch() -> None:
    assert len(plan(EXAMPLES, batch_size=1, epochs=0.5, tokens=None, seed=0)) == 2


@pytest.mark.parametrize("tokens", [1, 15, 16, 40])
def test_tokens_end_a_training_whatever_the_epochs(tokens: int) -> None:
    planned = plan(EXAMPLES, batch_size=1, epochs=9, tokens=tokens, seed=0)
    borne = [example.tokens for example in planned]
    assert sum(borne) >= tokens > sum(borne[:-1])


def test_the_order_follows_from_the_seed() -> None:
    one, same, other = (
        plan(EXAMPLES, batch_size=5, epochs=3, tokens=None, seed=seed) for seed in (1, 1, 2)
    )
    assert one == same != other
