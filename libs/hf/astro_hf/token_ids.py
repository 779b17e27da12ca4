"""Checks of token ids before a model reads them."""

from __future__ import annotations

from collections.abc import Sequence

from astro.errors import PolicyError
from astro.requests import Generate
from astro.types import Completion, FinishReason

CUT = Completion("", finish_reason=FinishReason.LENGTH)
"""The reply to a prompt that leaves no room for a response."""


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
