"""Prompts as text: the tokens that OpenRLHF reads for it are the policy's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from astro.data.prompts import PromptEncoder
from astro.errors import PolicyError, TrainingError
from astro.plugins.binding import PromptConfig
from astro.plugins.models import checkpoint
from astro_openrlhf.prompts import PromptWriter

CHAT = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
WORDS = ["<bos>", "<eos>", "<user>", "<assistant>", "<system>", " ", "?", *map(str, range(10))]


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A tokenizer with a chat template that writes `<bos>` before raw text."""
    backend = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"<\w+>|."), "isolated")
    backend.decoder = decoders.Fuse()
    backend.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", 0)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, bos_token="<bos>", eos_token="<eos>"
    )
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(tmp_path)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("style", "system", "text"),
    [
        ("auto", None, "<user>1 2<assistant>"),
        ("chat", "3", "<system>3<user>1 2<assistant>"),
        ("raw", None, "<bos>1 2"),
    ],
)
def test_text_of_each_style(folder: str, style: str, system: str | None, text: str) -> None:
    prompt = PromptConfig.model_validate({"style": style, "system": system})
    writer = PromptWriter(folder, prompt)
    assert writer.text("1 2") == text
    encoder = PromptEncoder(writer.tokenizer, prompt)
    assert writer.ids(text) == list(encoder.user("1 2"))


def test_a_prompt_that_no_text_gives_is_refused(folder: str) -> None:
    writer = PromptWriter(folder, PromptConfig(style="raw"))
    writer.tokenizer.add_tokens(["12"])
    writer.tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A <user>", special_tokens=[("<bos>", 0), ("<user>", 2)]
    )
    writer.tokenizer.backend_tokenizer.decoder = decoders.WordPiece()
    with pytest.raises(TrainingError, match="would read other tokens than the policy"):
        writer.text("1 2")


def test_the_tiny_model() -> None:
    writer = PromptWriter(checkpoint("tiny-countdown"))
    assert writer.text("use 1 2 12 to make 11") == "use 1 2 12 to make 11\n"


def test_no_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot load the tokenizer"):
        PromptWriter(str(tmp_path))
