"""Log-probabilities of given continuations."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from astro_transformers.forward import Forward, by_length

_TOKENS_PER_PASS = 4096


def continuation_logprobs(
    forward: Forward, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]
) -> list[tuple[float, ...]]:
    """Return the natural log-probability of each continuation token.

    Passes are small, because the logits are `[B, K, V]`, with K the length of the longest
    continuation.

    Args:
        forward: The model.
        pairs: Token ids of (context, continuation). A context has at least one token.
    """
    scores: list[tuple[float, ...]] = [()] * len(pairs)
    filled = [i for i, (_, continuation) in enumerate(pairs) if continuation]
    lengths = [sum(map(len, pairs[i])) for i in filled]
    for group in by_length(lengths, forward.padding, _TOKENS_PER_PASS):
        members = [filled[g] for g in group]
        for i, score in zip(members, _score(forward, [pairs[i] for i in members]), strict=True):
            scores[i] = score
    return scores


def _score(
    forward: Forward, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]
) -> list[tuple[float, ...]]:
    longest = max(len(continuation) for _, continuation in pairs)
    logits = forward.prompts([[*a, *b] for a, b in pairs], None, keep=longest + 1)
    logprobs = logits[:, :-1].float().log_softmax(-1)
    return [
        _gather(row, continuation) for row, (_, continuation) in zip(logprobs, pairs, strict=True)
    ]


def _gather(logprobs: Tensor, continuation: Sequence[int]) -> tuple[float, ...]:
    """`logprobs` is `[K, V]`, right-aligned with the continuation."""
    ids = torch.tensor(continuation, device=logprobs.device)
    picked = logprobs[-len(continuation) :].gather(1, ids[:, None])[:, 0]
    return tuple(picked.tolist())
