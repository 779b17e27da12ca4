"""Checks of token ids before a model reads them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from astro.data.prompts import PromptEncoder
from astro.errors import PolicyError
from astro.requests import Generate
from astro.types import Completion, FinishReason, Prompt
from astro_hf.errors import CheckpointError

CUT = Completion("", finish_reason=FinishReason.LENGTH)
"""The reply to a prompt that leaves no room for a response."""
PROBLEM = "What is 3 + 4?"
"""The problem of the prompt on which a model is tried."""
_WORK = "3 + 4 = 7.\n\n7\n"
"""A text of which a tokenizer has to keep the signs that it knows, spaces and line breaks."""


def check_encoder(encoder: PromptEncoder, vocab_size: int, model: str) -> None:
    """Check that a model with this vocabulary can read prompts, end responses and be taught.

    Raises:
        CheckpointError: It cannot: a token lies outside the vocabulary, or text does not survive.
    """
    end = encoder.end_id()
    ends = () if end is None else (end,)
    prompt = encoder.encode(Prompt(PROBLEM))
    for place, tokens in {"a prompt": prompt, "the end of a response": ends}.items():
        if outside := [token for token in tokens if token >= vocab_size]:
            raise CheckpointError(
                f"model {model!r}: token {outside[0]} of {place} lies outside the "
                f"model's vocabulary of {vocab_size}",
                "resize the model's embeddings to its tokenizer, or take the tokenizer that it was "
                "trained with",
            )
    text = "".join(char for char in _WORK if char in " \n" or _written(encoder, char) == char)
    written = _written(encoder, text)
    if text.strip() and written.strip(" ") != text.strip(" "):
        raise CheckpointError(
            f"model {model!r}: its tokenizer changes text, it writes {written!r} for {text!r}",
            "take a model whose tokenizer keeps signs, spaces and line breaks",
        )


def _written(encoder: PromptEncoder, text: str) -> str:
    return encoder.detokenizer.text((), encoder.text(text))


def checked_ids(ids: Sequence[int], vocab_size: int) -> tuple[int, ...]:
    """Return `ids`, `[T]`, if a model with this vocabulary can read them.

    Raises:
        PolicyError: There are none, or one lies outside the vocabulary.
    """
    if not ids:
        raise PolicyError("the prompt is empty, and the tokenizer adds no first token")
    if not 0 <= min(ids) <= max(ids) < vocab_size:
        raise PolicyError(f"a token id lies outside the vocabulary of {vocab_size}")
    return tuple(ids)


def check_known(sequences: Iterable[Sequence[int]], vocab_size: int, model: str) -> None:
    """Check that a model with this vocabulary can be trained on token ids.

    Raises:
        CheckpointError: One lies outside the vocabulary.
    """
    highest = max((max(ids) for ids in sequences if ids), default=0)
    if highest >= vocab_size:
        raise CheckpointError(
            f"model {model!r}: token {highest} of a trace lies outside the model's vocabulary of "
            f"{vocab_size}",
            "resize the model's embeddings to its tokenizer",
        )


def response_room(
    request: Generate, prompt: Sequence[int], vocab_size: int, max_length: int
) -> int:
    """Return the number of tokens that a response to `prompt` may have in the context.

    It is not positive where the prompt fills the context.

    Raises:
        PolicyError: The request asks for no sample or no token, or the model cannot read the
            prompt.
    """
    if request.n < 1 or request.max_tokens < 1:
        raise PolicyError(f"n={request.n}, max_tokens={request.max_tokens}: both start at 1")
    return max_length - len(checked_ids(prompt, vocab_size))
