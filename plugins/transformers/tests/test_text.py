from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from astro.data.detokenizer import Detokenizer
from astro_transformers.text import StopTable, stop_end


class Letters:
    """A tokenizer whose tokens are 'a', 'b\\n', a space-less 'c', half a character, and 'cd'."""

    texts = ("a", "b\n", "c", "\ufffd", "cd")
    is_fast = False

    def decode(self, ids: list[int], **_: object) -> str:
        return "".join(self.texts[i] for i in ids)


@pytest.mark.parametrize(
    ("text", "stop", "end"),
    [
        ("abc", (), None),
        ("abc", ("x",), None),
        ("abcabc", ("c", "b"), 2),
        ("abcabc", ("bca", "c"), 3),
        ("abc", ("",), None),
    ],
)
def test_stop_end(text: str, stop: tuple[str, ...], end: int | None) -> None:
    assert stop_end(text, stop) == end


@pytest.mark.parametrize(
    ("stop", "candidates"),
    [
        ((), []),
        (("\n",), [1]),
        (("ac", "d"), [2, 4]),
        (("é",), [3]),
        (("a ",), [0, 1, 2, 3, 4]),
    ],
)
def test_candidates_are_the_tokens_that_may_end_a_stop_string(
    stop: tuple[str, ...], candidates: list[int]
) -> None:
    table = StopTable(Detokenizer(Letters()), 5)
    row = table.index(stop)
    found = table.candidates(np.full(5, row), np.arange(5))
    assert np.flatnonzero(found).tolist() == candidates
    assert table.index(stop) == row


def test_a_word_keeps_its_leading_space_after_a_prompt() -> None:
    """Tokenizers of the sentencepiece kind drop it at the beginning of a text."""
    backend = Tokenizer(models.WordLevel({"▁one": 0, "▁two": 1, "?": 2}, unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    detokenizer = Detokenizer(PreTrainedTokenizerFast(tokenizer_object=backend))
    assert detokenizer.text((), [1]) == "two"
    assert detokenizer.text((0,), [1]) == " two"
