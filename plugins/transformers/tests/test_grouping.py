"""Which sequences are computed together, and in which order they begin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro.requests import Generate
from astro.types import Prompt
from astro_transformers.forward import by_length
from astro_transformers.params import PolicyParams
from astro_transformers.policy import TransformersPolicy

LENGTHS = st.lists(st.integers(1, 300), max_size=40)


@given(LENGTHS, st.integers(0, 200), st.integers(1, 2000))
def test_a_group_computes_little_for_nothing(lengths: list[int], padding: int, tokens: int) -> None:
    groups = list(by_length(lengths, padding, tokens))
    assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    for group in groups:
        members = [lengths[i] for i in group]
        padded = len(members) * max(members)
        assert padded - sum(members) <= padding
        assert padded <= tokens or len(group) == 1


@pytest.mark.parametrize(
    ("padding", "groups"),
    [(0, [[1], [2, 3], [0]]), (1, [[1, 2, 3], [0]]), (12, [[1, 2, 3], [0]]), (13, [[0, 1, 2, 3]])],
)
def test_another_pass_begins_where_it_costs_less_than_padding(
    padding: int, groups: list[list[int]]
) -> None:
    assert [sorted(group) for group in by_length([9, 4, 5, 5], padding)] == groups


def test_only_new_tokens_count_as_padding() -> None:
    lengths, new = [100, 10, 50], [3, 3, 3]
    assert [sorted(group) for group in by_length(lengths, 0, new=new)] == [[0, 1, 2]]


def test_the_longest_begin_first(llama: str) -> None:
    policy = TransformersPolicy(PolicyParams(model=llama, max_batch=1))
    asked = [("1", 2), ("1 2 3", 2), ("1 2", 2), ("1", 3)]
    for ticket, (text, limit) in enumerate(asked):
        policy.add(ticket, Generate(Prompt(text), max_tokens=limit))
    finished: list[int] = []
    while len(finished) < len(asked):
        finished += [ticket for ticket, _ in policy.step()]
    assert finished == [3, 1, 2, 0]
