from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from astro.data.samples import TrainingSample
from astro_torch_rl.critic import Critic, explained_variance
from astro_torch_rl.device import Device, load_trunk
from astro_torch_rl.experience import CachedLogprobs, Experience
from astro_torch_rl.params import PpoParams
from astro_torch_rl.ppo import CriticAdvantage

CPU = Device(torch.device("cpu"), torch.float32)
SEQUENCES = [
    TrainingSample.sampled((2,), (7, 1), (-1.0, -1.0), 1.0),
    TrainingSample.sampled((2, 3, 4), (8, 9, 10), (-1.0,) * 3, 0.0),
    TrainingSample.sampled((2, 5), (9,), (-1.0,), 1.0),
]


def make(tiny_model: Path, **params: Any) -> tuple[Critic, PpoParams]:
    values = PpoParams(**{"critic_learning_rate": 1e-2, "value_clip": None, **params})
    trunk = load_trunk(str(tiny_model), CPU.device)
    return Critic(trunk, values, CriticAdvantage(values).critic, CPU), values


def fit(critic: Critic, params: PpoParams, times: int) -> dict[str, float]:
    metrics = {}
    for _ in range(times):
        known = CachedLogprobs([None] * 3, [None] * 3)
        experience = CriticAdvantage(params).experience(SEQUENCES, known, critic.values(SEQUENCES))
        metrics = critic.update(experience, [[0, 1, 2]], 1.0)
    return metrics


def test_values_start_at_zero(tiny_model: Path) -> None:
    critic, _ = make(tiny_model)
    assert [row.tolist() for row in critic.values(SEQUENCES)] == [[0.0] * 2, [0.0] * 3, [0.0]]


def test_the_critic_learns_how_responses_end(tiny_model: Path) -> None:
    critic, params = make(tiny_model)
    first = fit(critic, params, 1)
    # Half the mean square of returns 1, 1, 0, 0, 0, 1 against values of 0.
    assert first["critic/loss"] == pytest.approx(0.5 * 3 / 6)
    assert first["critic/explained_variance"] == 0.0
    last = fit(critic, params, 40)
    assert last["critic/loss"] < 0.01
    assert last["critic/explained_variance"] > 0.9
    values = critic.values(SEQUENCES)
    for row, sequence in zip(values, SEQUENCES, strict=True):
        torch.testing.assert_close(row, torch.full_like(row, sequence.reward), atol=0.2, rtol=0)


def test_padding_and_neighbours_do_not_change_a_value(tiny_model: Path) -> None:
    critic, params = make(tiny_model)
    fit(critic, params, 3)
    together = critic.values(SEQUENCES)
    for row, sequence in zip(together, SEQUENCES, strict=True):
        torch.testing.assert_close(row, critic.values([sequence])[0], atol=1e-5, rtol=0)


def test_a_value_knows_only_what_stands_before_its_token(tiny_model: Path) -> None:
    critic, params = make(tiny_model)
    fit(critic, params, 3)
    one, other = (
        critic.values([TrainingSample.sampled((2,), response, (-1.0, -1.0), 0.0)])[0]
        for response in ((7, 1), (7, 10))
    )
    torch.testing.assert_close(one, other)
    changed = critic.values([TrainingSample.sampled((2,), (9, 1), (-1.0, -1.0), 0.0)])[0]
    assert changed[0] == one[0]
    assert changed[1] != one[1]


def test_a_clip_holds_a_value_near_what_it_was(tiny_model: Path) -> None:
    critic, params = make(tiny_model, value_clip=0.01, critic_learning_rate=0.05)
    known = CachedLogprobs([None] * 3, [None] * 3)
    experience = CriticAdvantage(params).experience(SEQUENCES, known, critic.values(SEQUENCES))
    assert critic.update(experience, [[0, 1, 2]], 1.0)["critic/clip_fraction"] == 0.0
    assert critic.update(experience, [[0, 1, 2]], 1.0)["critic/clip_fraction"] > 0.0


def test_a_critic_goes_on_from_its_state(tiny_model: Path) -> None:
    critic, params = make(tiny_model)
    fit(critic, params, 2)
    again, _ = make(tiny_model)
    again.load_state(copy.deepcopy(critic.state()))
    assert fit(again, params, 2) == fit(critic, params, 2)


def test_explained_variance_by_hand() -> None:
    def of(values: list[float]) -> dict[str, float]:
        returns = torch.tensor([0.0, 1.0, 2.0])
        row = Experience(SEQUENCES[1], returns, values=torch.tensor(values), returns=returns)
        return explained_variance([row])

    assert of([0.0, 1.0, 2.0]) == {"explained_variance": 1.0}
    # Residuals 0, 1, 1 have variance 2/9, returns 2/3.
    assert of([0.0, 0.0, 1.0])["explained_variance"] == pytest.approx(2 / 3)
    flat = torch.ones(3)
    assert explained_variance([Experience(SEQUENCES[1], flat, values=flat, returns=flat)]) == {}
