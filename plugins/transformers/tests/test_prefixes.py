"""Prompts are continued from stored keys and values, and nothing else changes."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from astro.requests import Generate
from astro.testing.policies import all_replies
from astro.types import Completion, Prompt
from astro_transformers.cache import RowCache
from astro_transformers.params import PolicyParams
from astro_transformers.policy import TransformersPolicy
from astro_transformers.prefixes import PrefixStore, common_beginnings

TOKEN = 32
"""Bytes of a token in `keep`: two heads of dim 4, in float32."""
PROMPTS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12).map(tuple), max_size=30)


def keep(store: PrefixStore, ids: tuple[int, ...]) -> None:
    """Store `ids` with values that tell the whole beginning up to each token."""
    new = store.add(ids)
    ends = range(len(ids) - len(new), len(ids))
    values = torch.tensor([float(hash(ids[: end + 1]) % 997 + 1) for end in ends])
    if len(new):
        store.write(new, {4: values[:, None, None].expand(-1, 2, 4)})


def stored(store: PrefixStore, ids: tuple[int, ...]) -> int:
    """The number of tokens found, all of which hold what was written for them."""
    slots = store.find(ids)
    if len(slots):
        found = store.read([slots, slots[:1]])[4]
        expected = [float(hash(ids[: end + 1]) % 997 + 1) for end in range(len(slots))]
        assert found[0, :, 1, 2].tolist() == expected
        assert found[1, :-1].abs().sum() == 0
    return len(slots)


def test_the_least_recently_used_is_dropped_first() -> None:
    store = PrefixStore(limit=9 * TOKEN, token_bytes=TOKEN)
    keep(store, (1, 1, 1, 1))
    keep(store, (2, 2, 2, 2))
    assert stored(store, (1, 1, 1, 1, 5)) == 4
    keep(store, (3, 3, 3, 3))
    assert [stored(store, (n,) * 4) for n in (1, 2, 3)] == [4, 0, 4]
    keep(store, (4,) * 9)
    assert len(store) == 8


def test_what_sequences_begin_with_is_stored_once() -> None:
    store = PrefixStore(limit=100 * TOKEN, token_bytes=TOKEN)
    for ids in ((1, 2, 3, 4), (1, 2, 3, 5, 6), (1, 2), (1, 2, 3, 4, 7)):
        keep(store, ids)
    assert len(store) == 4 + 2 + 1
    assert [stored(store, ids) for ids in ((1, 2, 3, 5, 6, 9), (1, 9), (9,))] == [5, 1, 0]


@settings(deadline=None)
@given(PROMPTS, st.integers(1, 40))
def test_a_token_is_found_as_it_was_stored(prompts: list[tuple[int, ...]], tokens: int) -> None:
    store = PrefixStore(limit=(tokens + 1) * TOKEN, token_bytes=TOKEN)
    for ids in prompts:
        keep(store, ids)
        assert stored(store, ids) == len(ids) or len(ids) > tokens
        assert all(stored(store, other) <= len(other) for other in prompts)
        assert len(store) <= tokens


def test_beginnings_are_told_with_the_number_of_their_prompts() -> None:
    prompts = [(1, 2, 3), (1, 2, 4, 5), (1, 2, 4, 6), (1, 2), (1, 2, 3)]
    assert common_beginnings(prompts) == [[((1, 2), 4)], [((1, 2, 4), 2)]]
    assert common_beginnings([(1, 2)]) == common_beginnings([]) == []
    assert common_beginnings([(1,), (2,)]) == [[((), 2)]]


def test_a_slot_with_two_owners_holds_the_last() -> None:
    store = PrefixStore(limit=4 * TOKEN, token_bytes=TOKEN)
    first, second = store.add((1, 2, 3)), store.add((4, 5))
    store.write(np.concatenate([first, second]), {4: torch.arange(5.0)[:, None, None] + 1})
    assert store.read([store.find((4, 5))])[4].flatten().tolist() == [4.0, 5.0]


def step(policy: TransformersPolicy, prompt: Prompt, **options: object) -> list[Completion]:
    policy.add(0, Generate(prompt, **options))  # type: ignore[arg-type]
    while True:
        for _, reply in policy.step():
            assert isinstance(reply, list)
            return reply  # type: ignore[return-value]


def walk(policy: TransformersPolicy, depth: int) -> list[Completion]:
    """Sample a step, then continue each time with the first sample, as a search does."""
    prompt, found = Prompt("1 2 3"), []
    for level in range(depth):
        completions = step(policy, prompt, n=3, max_tokens=30, stop=("=", "5"), seed=level)
        found += completions
        first = completions[0]
        ids = (*prompt.token_ids, *first.token_ids)
        prompt = Prompt(prompt.user, prompt.response + first.text, ids)
    return found


@pytest.mark.parametrize("kind", ["llama", "sliding", "absolute", "latent", "uneven"])
def test_a_search_gets_the_same_with_and_without_reuse(
    kind: str, request: pytest.FixtureRequest
) -> None:
    model = request.getfixturevalue(kind)
    with_reuse, without = (
        TransformersPolicy(PolicyParams(model=model, prefix_cache_mb=size)) for size in (64, 0)
    )
    reused, computed = walk(with_reuse, 8), walk(without, 8)
    assert [c.token_ids for c in reused] == [c.token_ids for c in computed]
    for a, b in zip(reused, computed, strict=True):
        assert a.logprobs == pytest.approx(b.logprobs, abs=1e-5)
    assert (
        with_reuse.counters()["cached_prompt_tokens"]
        > 1.2 * (without.counters()["cached_prompt_tokens"])
    )


def test_without_a_store_no_state_is_copied(llama: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(RowCache, "cells")
    walk(TransformersPolicy(PolicyParams(model=llama, prefix_cache_mb=0)), 2)
    with pytest.raises(AttributeError):
        walk(TransformersPolicy(PolicyParams(model=llama, prefix_cache_mb=1)), 2)


def test_new_weights_drop_what_the_old_ones_left(llama: str) -> None:
    policy, fresh = (TransformersPolicy(PolicyParams(model=llama)) for _ in range(2))
    doubled = [(name, 1.5 * tensor) for name, tensor in policy._model.state_dict().items()]
    walk(policy, 3)
    for other in (policy, fresh):
        other.reload(doubled)
    assert [c.token_ids for c in walk(policy, 3)] == [c.token_ids for c in walk(fresh, 3)]


def few_shot(problems: int, shots: int) -> list[Prompt]:
    """Prompts that share all but their last tokens."""
    rng = random.Random(1)
    shared = " ".join(str(rng.randrange(50)) for _ in range(shots))
    return [Prompt(f"{shared} {i % 50} {i // 50}") for i in range(problems)]


@pytest.mark.parametrize("kind", ["llama", "sliding", "absolute", "latent", "uneven"])
def test_a_shared_beginning_is_computed_once(kind: str, request: pytest.FixtureRequest) -> None:
    model = request.getfixturevalue(kind)
    prompts = few_shot(20, 40)
    requests = [Generate(p, n=2, max_tokens=8, seed=i) for i, p in enumerate(prompts)]
    with_reuse, without = (
        TransformersPolicy(PolicyParams(model=model, prefix_cache_mb=size)) for size in (64, 0)
    )
    reused, computed = all_replies(with_reuse, requests), all_replies(without, requests)
    again = [all_replies(with_reuse, [request])[0] for request in requests]
    for replies in zip(reused, computed, again, strict=True):
        for a, b, c in zip(*replies, strict=True):
            assert a.token_ids == b.token_ids == c.token_ids
            assert a.logprobs == pytest.approx(b.logprobs, abs=1e-5)
            assert a.logprobs == pytest.approx(c.logprobs, abs=1e-5)


def test_few_shot_examples_cost_little(llama: str) -> None:
    policy = TransformersPolicy(PolicyParams(model=llama, max_length=1000))
    prompts = few_shot(64, 250)  # with the spaces, 500 tokens
    all_replies(policy, [Generate(prompt, max_tokens=2) for prompt in prompts])
    counters = policy.counters()
    assert counters["prompt_tokens"] > 64 * 500
    assert 1 - counters["cached_prompt_tokens"] / counters["prompt_tokens"] <= 0.1
