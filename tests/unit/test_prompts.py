"""Prompts as token ids, on a tokenizer that writes `<bos>` before raw text and `<eos>` after it."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from astro.data.prompts import PromptEncoder
from astro.errors import ConfigError, PolicyError
from astro.plugins.binding import PromptConfig
from astro.plugins.params import validate
from astro.types import Prompt

CHAT = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
WORDS = ["<bos>", "<eos>", "<user>", "<assistant>", "<system>", "?", *map(str, range(10))]


def make_tokenizer(chat: bool = True, ends: str = " <eos>") -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"<\w+>|."), "isolated")
    backend.post_processor = processors.TemplateProcessing(
        single=f"<bos> $A{ends}", special_tokens=[("<bos>", 0), ("<eos>", 1)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<bos>", eos_token="<eos>"
    )
    tokenizer.chat_template = CHAT if chat else None
    return tokenizer


def prompt(**values: Any) -> PromptConfig:
    return PromptConfig.model_validate(values)


def words(ids: tuple[int, ...]) -> str:
    return "".join(WORDS[i] for i in ids)


@pytest.mark.parametrize(
    ("chat", "style", "system", "text"),
    [
        (True, "auto", None, "<user>12<assistant>"),
        (True, "chat", "3", "<system>3<user>12<assistant>"),
        (True, "raw", None, "<bos>12"),
        (False, "auto", None, "<bos>12"),
    ],
)
def test_each_style(chat: bool, style: str, system: str | None, text: str) -> None:
    encoder = PromptEncoder(make_tokenizer(chat), prompt(style=style, system=system))
    assert words(encoder.user("12")) == text


def test_variables_reach_the_chat_template() -> None:
    tokenizer = make_tokenizer()
    tokenizer.chat_template = CHAT + "{% if think is defined and not think %}0{% endif %}"
    for kwargs, end in (({"think": False}, "0"), ({}, "")):
        encoder = PromptEncoder(tokenizer, prompt(template_kwargs=kwargs))
        assert words(encoder.user("12")) == f"<user>12<assistant>{end}"


def test_variables_that_each_prompt_sets_are_refused() -> None:
    with pytest.raises(ConfigError, match="add_generation_prompt is set for each prompt"):
        validate(PromptConfig, {"template_kwargs": {"add_generation_prompt": False}})


def test_a_raw_prompt_without_an_end_is_left_whole() -> None:
    encoder = PromptEncoder(make_tokenizer(ends=""), prompt(style="raw"))
    assert words(encoder.user("12")) == "<bos>12"
    assert words(encoder.user("")) == "<bos>"


def test_a_response_follows_its_prompt_without_more_special_tokens() -> None:
    encoder = PromptEncoder(make_tokenizer())
    assert words(encoder.encode(Prompt("1", "23"))) == "<user>1<assistant>23"
    assert words(encoder.text("23")) == "23" and encoder.text("") == ()


def test_sampled_tokens_are_not_tokenised_again() -> None:
    encoder = PromptEncoder(make_tokenizer())
    begun = Prompt("1", "23", (WORDS.index("9"), WORDS.index("8")))
    assert words(encoder.encode(begun)) == "<user>1<assistant>98"


def make_byte_level(template: str) -> PreTrainedTokenizerFast:
    """GPT-2's kind: `\\n\\n` is one token alone, and two before a word."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        special_tokens=["<user>", "<answer>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(["so", "yes", "\n\n"] * 3, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    tokenizer.chat_template = template
    return tokenizer


TURNS = "{% for m in messages %}<user>{{ m.content }}{% endfor %}<answer>"


def test_text_behind_sampled_tokens_is_encoded_as_running_text() -> None:
    tokenizer = make_byte_level(TURNS)
    encoder = PromptEncoder(tokenizer)
    sampled = tuple(encoder.text("s") + encoder.text("o"))
    encoded = encoder.encode(Prompt("1", "so\n\nyes", sampled, "\n\nyes"))
    assert encoded == (*encoder.user("1"), *sampled, *encoder.text("so\n\nyes")[1:])
    assert tokenizer.convert_ids_to_tokens(encoded[-3:]) == ["Ċ", "Ċ", "yes"]


@pytest.mark.parametrize("response", ["", "so\n\n", "so"])
def test_what_is_scored_continues_its_prompt(response: str) -> None:
    encoder = PromptEncoder(make_byte_level(TURNS))
    prompt = Prompt("1", response)
    continued = encoder.encode(prompt) + encoder.following(prompt, "yes")
    assert encoder.detokenizer.text(encoder.user("1"), continued[len(encoder.user("1")) :]) == (
        response + "yes"
    )
    assert encoder.following(prompt, "yes") == encoder.text("yes")
    assert encoder.following(prompt, "") == ()


def test_a_prompt_keeps_its_tokens_where_a_response_would_join_them() -> None:
    encoder = PromptEncoder(make_byte_level(TURNS + "{{ '\n\n' }}"))
    assert encoder.response("1", "so") is None
    assert encoder.encode(Prompt("1", "so")) == encoder.user("1") + encoder.text("so")


def test_what_a_tokenizer_without_a_template_cannot_write() -> None:
    with pytest.raises(PolicyError, match=r"no chat template; set prompt\.style: raw"):
        PromptEncoder(make_tokenizer(chat=False), prompt(style="chat"))
    for tokenizer, style in ((make_tokenizer(chat=False), "auto"), (make_tokenizer(), "raw")):
        with pytest.raises(PolicyError, match="a system message needs a chat template"):
            PromptEncoder(tokenizer, prompt(style=style, system="be brief"))
        with pytest.raises(PolicyError, match="variables of a template need a chat template"):
            PromptEncoder(tokenizer, prompt(style=style, template_kwargs={"think": True}))
