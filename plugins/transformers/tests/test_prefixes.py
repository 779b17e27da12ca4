"""Steps are continued from the keys and values that they left, and nothing else changes."""

from __future__ import annotations

import pytest
import torch

from astro.requests import Generate
from astro.types import Completion, Prompt
from astro_transformers.cache import RowCache, State
from astro_transformers.params import PolicyParams
from astro_transformers.policy import TransformersPolicy
from astro_transformers.prefixes import PrefixStore


def state(tokens: int) -> State:
    """32 bytes a token."""
    return {4: torch.zeros((1, tokens, 4)), 2: torch.zeros((2, tokens, 2))}


def test_the_least_recently_used_is_dropped_first() -> None:
    store = PrefixStore(limit=8 * 32)
    for key in ((1,), (2,)):
        store.put(key, state(4))
    assert store.get((1,)) is not None
    store.put((3,), state(4))
    assert (1,) in store and (3,) in store and (2,) not in store
    store.put((4,), state(9))
    assert len(store) == 2
    store.put((3,), state(1))
    store.put((5,), state(3))
    assert len(store) == 3


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
    monkeypatch.delattr(RowCache, "state")
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
