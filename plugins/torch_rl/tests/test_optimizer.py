from __future__ import annotations

import math

import pytest
import torch

from astro_torch_rl.optimizer import Optimizer, rate_factor
from astro_torch_rl.params import GrpoParams


def test_schedules() -> None:
    def factors(schedule: str = "constant", warmup_steps: int = 0) -> list[float]:
        return [rate_factor(done, 4, schedule, warmup_steps) for done in range(4)]  # type: ignore[arg-type]

    assert factors() == [1.0] * 4
    assert factors(warmup_steps=3) == [0.25, 0.5, 0.75, 1.0]
    assert factors("linear") == [1.0, 0.75, 0.5, 0.25]
    assert factors("cosine") == pytest.approx([1.0, 0.8535534, 0.5, 0.1464466])


def test_gradients_are_clipped_and_their_norm_before_that_is_told() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = Optimizer([weight], 1.0, GrpoParams(max_grad_norm=1.0, betas=(0.5, 0.9)))
    weight.grad = torch.tensor([3.0, 4.0])
    assert optimizer.apply(0.0) == 5.0
    momentum = optimizer.state()["state"][0]["exp_avg"].tolist()
    assert momentum == pytest.approx([0.3, 0.4], rel=1e-5)


def test_the_first_step_of_adam_is_the_rate_times_the_sign() -> None:
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = Optimizer([weight], 0.1, GrpoParams())
    assert optimizer.set_rate(0.5) == 0.05
    weight.grad = torch.tensor([0.3, -0.4])
    optimizer.apply(0.0)
    assert weight.tolist() == pytest.approx([-0.05, 0.05], rel=1e-4)
    assert weight.grad is None


@pytest.mark.parametrize(("gradient", "loss"), [(math.nan, 0.0), (math.inf, 0.0), (1.0, math.nan)])
def test_what_is_not_finite_is_no_step(gradient: float, loss: float) -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = Optimizer([weight], 0.1, GrpoParams())
    weight.grad = torch.tensor([gradient])
    assert optimizer.apply(loss) is None
    assert weight.tolist() == [0.0]


def test_frozen_parameters_are_left_alone() -> None:
    frozen = torch.nn.Parameter(torch.ones(1), requires_grad=False)
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = Optimizer([frozen, weight], 0.1, GrpoParams(weight_decay=0.5))
    weight.grad = torch.ones(1)
    optimizer.apply(0.0)
    assert (frozen.item(), weight.item() < 0.9) == (1.0, True)
