"""Control tokens end a response, wherever a model samples them."""

from __future__ import annotations

import pytest
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from astro.data.control import control_tokens, first_control
from astro.data.prompts import PromptEncoder


def tokenizer(*special: str, shown: tuple[str, ...] = ()) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.WordLevel({"?": 0, "a": 1, "<eos>": 2}, unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    made = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<eos>")
    made.add_tokens([AddedToken(name, special=True) for name in special], special_tokens=True)
    made.add_tokens([AddedToken(name) for name in shown])
    return made


def names(made: PreTrainedTokenizerFast) -> set[str]:
    return set(made.convert_ids_to_tokens(sorted(control_tokens(made))))


def test_special_tokens_are_control_tokens_and_others_are_not() -> None:
    made = tokenizer("<|im_start|>", "<|im_end|>", "<pad>", shown=("<tool_call>",))
    assert names(made) == {"<eos>", "<|im_start|>", "<|im_end|>", "<pad>"}


def test_thoughts_and_channels_are_parts_of_one_response() -> None:
    assert names(tokenizer("[THINK]", "[/THINK]", "[INST]")) == {"<eos>", "[INST]"}
    harmony = ("<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|return|>")
    assert names(tokenizer(*harmony)) == {"<eos>", "<|return|>"}
    assert names(tokenizer("<|end|>")) == {"<eos>", "<|end|>"}


def test_a_sample_also_ends_where_the_chat_template_ends_a_turn() -> None:
    made = tokenizer(shown=("<turn>",))
    made.chat_template = "{% for m in messages %}{{ m.content }} <eos>{% endfor %}"
    assert PromptEncoder(made).end_ids() == {made.eos_token_id}


@pytest.mark.parametrize(
    ("text", "tokens", "found"),
    [
        ("12.user\nCan", ["12", ".", "<|im_start|>", "user", "\n", "Can"], (2, 3)),
        ("12.<|im_start|>user", ["12", ".", "<|im_start|>", "user"], (2, 3)),
        ("12.", ["12", ".", "</s>"], (2, 3)),
        ("12.", [" 12", ".", "<pad>"], (2, 3)),
        ("", ["<|im_end|>"], (0, 0)),
        ("\u00e9 1", ["\\xc3", "\\xa9", " 1", "<|im_end|>"], (3, None)),
        ("12.", ["12", "."], None),
        ("<b>1", ["<b>", "1"], None),
        ("so 1", ["<think>", "so", " 1"], None),
        ("a1", ["<|channel|>", "a", "<|end|>", "<|start|>", "1"], None),
    ],
)
def test_control_tokens_are_found_by_their_names(
    text: str, tokens: list[str], found: tuple[int, int | None] | None
) -> None:
    assert first_control(text, tokens) == found
