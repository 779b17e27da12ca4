from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from astro.data.prompts import PromptEncoder
from astro.data.samples import SampleBuilder, TrainingSample
from astro.types import Segment
from astro_transformers.traces import IGNORED, collate, plan_batches

LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=60)


def sample(*ids: int) -> TrainingSample:
    """A prompt of one token, and a response of the others."""
    return TrainingSample(ids[:1], ids[1:], (True,) * (len(ids) - 1))


def samples(lengths: list[int]) -> list[TrainingSample]:
    return [sample(*(2,) * (n + 1)) for n in lengths]


def test_loss_is_on_trained_segments_and_the_end_of_sequence(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    segments = [Segment("2\n"), Segment("3", train=False), Segment(".")]
    built = SampleBuilder(PromptEncoder(tokenizer)).build("1", segments)
    words = ["<user>", "1", "<assistant>", "2", "\n", "3", ".", "<eos>"]
    assert tokenizer.convert_ids_to_tokens(built.ids) == words
    (labels,) = collate([[built]])["labels"].tolist()
    trained = [w for w, label in zip(words, labels, strict=True) if label != IGNORED]
    assert trained == ["2", "\n", ".", "<eos>"] and built.loss_tokens == 4
    assert [label for label in labels if label != IGNORED] == [
        i for i, label in zip(built.ids, labels, strict=True) if label != IGNORED
    ]


@given(LENGTHS, st.integers(1, 7), st.integers(0, 3))
def test_every_epoch_holds_every_example_once(
    lengths: list[int], batch_size: int, seed: int
) -> None:
    plan = plan_batches(samples(lengths), batch_size=batch_size, epochs=2, tokens=None, seed=seed)
    assert max(map(len, plan)) <= batch_size
    assert set(Counter(i for batch in plan for i in batch).values()) == {2}
    assert sum(map(len, plan)) == 2 * len(lengths)


@given(LENGTHS, st.integers(1, 7), st.integers(1, 2000))
def test_a_budget_ends_with_the_example_that_reaches_it(
    lengths: list[int], batch_size: int, tokens: int
) -> None:
    built = samples(lengths)
    plan = plan_batches(built, batch_size=batch_size, epochs=1, tokens=tokens, seed=0)
    taken = [built[i].loss_tokens for batch in plan for i in batch]
    assert sum(taken) >= tokens > sum(taken[:-1])
    assert all(plan)


def test_batches_are_alike_in_length() -> None:
    built = samples(list(range(1, 101)))
    plan = plan_batches(built, batch_size=10, epochs=1, tokens=None, seed=0)
    assert all(max(batch) - min(batch) == 9 for batch in plan)
    assert plan != sorted(plan) and max(plan[0]) == 99


@pytest.mark.parametrize("batches", [[[0, 1]], [[0], [1]]])
def test_padding_is_on_the_right_and_bears_no_loss(batches: list[list[int]]) -> None:
    built = samples([1, 3])
    batch = collate([[built[i] for i in indices] for indices in batches])
    assert batch["input_ids"].tolist() == [[2, 2, 0, 0], [2, 2, 2, 2]]
    assert batch["labels"].tolist() == [[IGNORED, 2, IGNORED, IGNORED], [IGNORED, 2, 2, 2]]


def test_padding_changes_no_loss(llama: str) -> None:
    """Though there is no attention mask, a batch's loss is the mean over its rows' tokens."""
    model = AutoModelForCausalLM.from_pretrained(llama)
    rows = [sample(4, 9, 17), sample(8, 30, 2, 7, 5, 6)]
    together = model(**collate([rows])).loss * 7
    apart = sum(model(**collate([[row]])).loss * row.loss_tokens for row in rows)
    assert together.item() == pytest.approx(apart.item(), abs=1e-5)
