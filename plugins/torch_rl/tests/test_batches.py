from __future__ import annotations

from random import Random

import torch
from hypothesis import given
from hypothesis import strategies as st

from astro.data.samples import TrainingSample
from astro_torch_rl.batches import (
    Batcher,
    collate,
    micro_batches,
    minibatches,
)

CPU = torch.device("cpu")


def sequence(prompt: int, response: int) -> TrainingSample:
    """Tokens 1, 2, ... in the prompt and 101, 102, ... in the response."""
    ids = tuple(range(1, prompt + 1)), tuple(range(101, 101 + response))
    return TrainingSample.sampled(*ids, logprobs=(-1.0,) * response, reward=1.0)


def test_the_window_holds_every_response_and_the_mask_nothing_else() -> None:
    batch = collate([sequence(2, 3), sequence(3, 1)], CPU)
    assert batch.input_ids.tolist() == [[1, 2, 101, 102, 103], [1, 2, 3, 101, 0]]
    assert batch.targets.tolist() == [[101, 102, 103], [3, 101, 0]]
    assert batch.mask.tolist() == [[True, True, True], [False, True, False]]


def test_scatter_puts_values_at_their_tokens_and_gather_takes_them_back() -> None:
    batch = collate([sequence(2, 3), sequence(3, 1)], CPU)
    rows = [torch.tensor([-1.0, -2.0, -3.0]), torch.tensor([-4.0])]
    window = batch.scatter(rows)
    assert window.tolist() == [[-1.0, -2.0, -3.0], [0.0, -4.0, 0.0]]
    assert [row.tolist() for row in batch.gather(window)] == [row.tolist() for row in rows]


def test_micro_batches_group_similar_lengths() -> None:
    assert micro_batches([3, 9, 4, 10, 30], max_tokens=20) == [[4], [3, 1], [2, 0]]


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 100))
def test_micro_batches_hold_each_index_once_within_the_bound(
    lengths: list[int], bound: int
) -> None:
    groups = micro_batches(lengths, bound)
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or max(lengths[i] for i in group) * len(group) <= bound


def test_each_gives_rows_in_the_order_of_the_sequences() -> None:
    batcher = Batcher(CPU, max_tokens=6)
    sequences = [sequence(1, 1), sequence(2, 3), sequence(1, 2)]
    rows = batcher.each(sequences, lambda batch: batch.targets.float())
    assert [row.tolist() for row in rows] == [[101.0], [101.0, 102.0, 103.0], [101.0, 102.0]]


def test_the_optimiser_steps_of_a_pass_are_even() -> None:
    found = minibatches(4, 3, 2, Random(0))
    assert [len(indices) for indices in found] == [2, 2, 2, 2]
    assert sorted(found[0] + found[1]) == sorted(found[2] + found[3]) == [0, 1, 2, 3]
    assert minibatches(4, None, 1, Random(0)) == [Random(0).sample(range(4), 4)]
    assert minibatches(0, 3, 1, Random(0)) == []
