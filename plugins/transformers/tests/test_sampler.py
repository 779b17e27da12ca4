from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from astro_transformers.sampler import invert_cdf, nucleus, sample, sample_key, uniforms


def draw(count: int, seed: int = 0) -> torch.Tensor:
    keys = np.array([sample_key(seed, i) for i in range(count)], np.uint64)
    return torch.from_numpy(uniforms(keys, np.zeros(count, np.int64)))


@given(st.integers(0, 2**70), st.lists(st.integers(0, 2**30), min_size=2, max_size=50, unique=True))
def test_a_uniform_depends_on_its_key_and_position_alone(seed: int, positions: list[int]) -> None:
    keys = np.full(len(positions), sample_key(seed, 3), np.uint64)
    together = uniforms(keys, np.array(positions))
    alone = [uniforms(keys[:1], np.array([position]))[0] for position in positions]
    assert together.tolist() == alone
    assert len(set(alone)) == len(alone) and min(alone) >= 0 and max(alone) < 1


def test_splitmix64_is_the_published_one() -> None:
    """First outputs for seed 0: e220a8397b1dcdaf, 6e789e6aa1b965f4, 06c45d188009454f."""
    found = uniforms(np.zeros(3, np.uint64), np.arange(3))
    words = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert found.tolist() == [(word >> 11) / 2**53 for word in words]


@pytest.mark.parametrize("axis", ["index", "seed", "position"])
def test_uniforms_are_uniform_and_uncorrelated(axis: str) -> None:
    count = 4000
    n = np.arange(count)
    keys = [sample_key(*{"index": (1, i), "seed": (i, 1)}.get(axis, (1, 1))) for i in range(count)]
    drawn = uniforms(np.array(keys, np.uint64), n if axis == "position" else np.zeros_like(n))
    assert np.histogram(drawn, 10, (0, 1))[0] == pytest.approx(np.full(10, 400), abs=80)
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.05


def test_invert_cdf_by_hand() -> None:
    probs = torch.tensor([[0.25, 0.0, 0.5, 0.25]], dtype=torch.float64).expand(6, 4)
    uniform = torch.tensor([0.0, 0.24, 0.25, 0.74, 0.75, 1 - 2**-53], dtype=torch.float64)
    assert invert_cdf(probs, uniform).tolist() == [0, 0, 2, 2, 3, 3]


def test_nucleus_by_hand() -> None:
    probs = torch.tensor([[0.1, 0.4, 0.3, 0.2]], dtype=torch.float64).expand(4, 4)
    kept = nucleus(probs, torch.tensor([0.4, 0.5, 0.95, 1.0], dtype=torch.float64)) > 0
    assert kept.tolist() == [
        [False, True, False, False],
        [False, True, True, False],
        [True, True, True, True],
        [True, True, True, True],
    ]


def test_samples_follow_the_distribution() -> None:
    count, logits = 8000, torch.tensor([0.0, 1.0, 2.0, -1.0])
    ones = torch.ones(count, dtype=torch.float64)
    for temperature in (1.0, 0.5):
        tokens, logprobs = sample(logits.expand(count, 4), ones * temperature, ones, draw(count))
        shares = torch.bincount(tokens, minlength=4) / count
        assert torch.allclose(shares, (logits / temperature).softmax(0), atol=0.02)
        assert torch.allclose(logprobs, logits.log_softmax(0)[tokens])


def test_greedy_and_sampled_rows_share_a_batch() -> None:
    logits = torch.tensor([[0.0, 0.1, 0.0]]).expand(500, 3)
    temperature = torch.tensor([0.0, 5.0], dtype=torch.float64).repeat(250)
    tokens, _ = sample(logits, temperature, torch.ones_like(temperature), draw(500))
    assert set(tokens[::2].tolist()) == {1}
    assert set(tokens[1::2].tolist()) == {0, 1, 2}
