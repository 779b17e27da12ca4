"""Prompts as token ids, on a tokenizer that writes `<bos>` before raw text and `<eos>` after it."""

from __future__ import annotations

import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from astro.data.prompts import PromptEncoder
from astro.errors import PolicyError
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
    encoder = PromptEncoder(make_tokenizer(chat), style, system)
    assert words(encoder.user("12")) == text


def test_a_raw_prompt_without_an_end_is_left_whole() -> None:
    encoder = PromptEncoder(make_tokenizer(ends=""), "raw")
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


def test_what_a_tokenizer_without_a_template_cannot_write() -> None:
    with pytest.raises(PolicyError, match="no chat template; set prompt_style: raw"):
        PromptEncoder(make_tokenizer(chat=False), "chat")
    for tokenizer, style in ((make_tokenizer(chat=False), "auto"), (make_tokenizer(), "raw")):
        with pytest.raises(PolicyError, match="a system message needs a chat template"):
            PromptEncoder(tokenizer, style, "be brief")
