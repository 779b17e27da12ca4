"""Several processes give what one gives."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from astro.errors import PolicyError
from astro.requests import Generate, LogProb
from astro.types import Completion, Prompt
from astro_transformers.params import PolicyParams
from astro_transformers.policy import TransformersPolicy
from astro_transformers.replicas import ReplicatedPolicy, build


@pytest.fixture(scope="module")
def replicated(llama: str) -> Iterator[ReplicatedPolicy]:
    policy = build(PolicyParams(model=llama, processes=2))
    assert isinstance(policy, ReplicatedPolicy)
    yield policy
    policy.close()


def replies(policy: TransformersPolicy | ReplicatedPolicy, count: int) -> list[object]:
    for i in range(count):
        policy.add(i, Generate(Prompt(f"{i} {i + 1}"), n=2, max_tokens=12, seed=i))
    policy.add(count, LogProb(Prompt("1 2"), ("3 4",)))
    found: dict[int, object] = {}
    while len(found) <= count:
        found.update(policy.step())
    assert policy.step() == []
    return [found[ticket] for ticket in range(count + 1)]


def tokens(found: list[object]) -> list[list[tuple[int, ...]]]:
    return [[c.token_ids for c in reply if isinstance(c, Completion)] for reply in found]  # type: ignore[attr-defined]


def test_the_number_of_processes_changes_no_token(llama: str, replicated: ReplicatedPolicy) -> None:
    alone = TransformersPolicy(PolicyParams(model=llama))
    assert tokens(replies(replicated, 30)) == tokens(replies(alone, 30))
    expected, counters = alone.counters(), replicated.counters()
    assert counters["generated_tokens"] == expected["generated_tokens"]
    assert counters["prompt_tokens"] == expected["prompt_tokens"]


def test_new_weights_reach_every_process(llama: str, replicated: ReplicatedPolicy) -> None:
    alone = TransformersPolicy(PolicyParams(model=llama))
    before = tokens(replies(replicated, 8))
    weights = {name: 1.5 * tensor for name, tensor in alone._model.state_dict().items()}
    for policy in (alone, replicated):
        policy.reload(weights.items())
    after = tokens(replies(replicated, 8))
    assert after == tokens(replies(alone, 8))
    assert after != before


def test_a_prompt_is_told_as_every_process_reads_it(
    llama: str, replicated: ReplicatedPolicy
) -> None:
    prompt = Prompt("1 2", "3")
    alone = TransformersPolicy(PolicyParams(model=llama))
    assert replicated.prompt_ids(prompt) == alone.prompt_ids(prompt)


def test_what_the_context_cuts_is_counted_over_every_process(llama: str) -> None:
    policy = build(PolicyParams(model=llama, processes=2, max_length=20))
    for i in range(8):
        policy.add(i, Generate(Prompt(f"{i}" + " 1" * 20), n=2))
    found: dict[int, object] = {}
    while len(found) < 8:
        found.update(policy.step())
    assert all(len(c.token_ids) == 0 for reply in found.values() for c in reply)  # type: ignore[attr-defined]
    assert policy.counters()["context_full_samples"] == 16
    policy.close()


def test_unknown_weights_are_refused(replicated: ReplicatedPolicy, llama: str) -> None:
    (name, tensor), *_ = TransformersPolicy(PolicyParams(model=llama))._model.state_dict().items()
    with pytest.raises(PolicyError, match="does not fit the model"):
        replicated.reload([(f"not.{name}", tensor)])


def test_a_model_that_cannot_be_loaded_is_one_clear_error() -> None:
    with pytest.raises(PolicyError, match="is not a folder"):
        build(PolicyParams(model="/nowhere", processes=2))


def test_a_dead_process_is_a_lost_policy(llama: str) -> None:
    policy = ReplicatedPolicy(PolicyParams(model=llama, processes=2))
    policy.add(0, Generate(Prompt("1"), max_tokens=1000, stop=("never",)))
    os.killpg(policy._children[0].process.pid, signal.SIGKILL)
    with pytest.raises(PolicyError, match="died"):
        policy.step(block=True)
    policy.close()
