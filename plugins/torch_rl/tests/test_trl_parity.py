"""Our GRPO loss, and its gradient, against TRL's, to 1e-6."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from astro_torch_rl import losses
from astro_torch_rl.params import Aggregation

SIZE, LENGTH, MAX_LENGTH = 6, 5, 9


def random(seed: int) -> dict[str, Tensor]:
    """Random log-probabilities `[B, T]`, advantages `[B]` and a mask."""
    generator = torch.Generator().manual_seed(seed)
    old = -torch.rand(SIZE, LENGTH, generator=generator)
    lengths = torch.randint(1, LENGTH + 1, (SIZE,), generator=generator)
    return {
        "mask": (torch.arange(LENGTH) < lengths[:, None]).float(),
        "old": old,
        "logprobs": old + 0.4 * torch.randn(SIZE, LENGTH, generator=generator),
        "reference": old + 0.4 * torch.randn(SIZE, LENGTH, generator=generator),
        "importance": 2 * torch.rand(SIZE, LENGTH, generator=generator),
        "advantages": torch.randn(SIZE, generator=generator),
    }


def trl_loss(drawn: dict[str, Tensor], logprobs: Tensor, loss_type: str, kl: float) -> Tensor:
    """`GRPOTrainer._compute_loss` on a trainer that is nothing but its settings."""
    grpo_trainer = pytest.importorskip("trl.trainer.grpo_trainer", reason="needs trl")
    accelerator = SimpleNamespace(num_processes=1, gather=lambda x: x, reduce=lambda x, **_: x)
    trainer = SimpleNamespace(
        _get_per_token_logps_and_entropies=lambda *_, **__: (logprobs, logprobs.detach(), None),
        model=SimpleNamespace(training=True),
        accelerator=accelerator,
        args=SimpleNamespace(delta=None, use_bias_correction_kl=False, steps_per_generation=1),
        loss_type=loss_type,
        beta=kl,
        epsilon_low=0.2,
        epsilon_high=0.28,
        importance_sampling_level="token",
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        use_vllm=True,
        vllm_importance_sampling_correction=True,
        aux_loss_enabled=False,
        _entropy_bonus_enabled=False,
        current_gradient_accumulation_steps=1,
        max_completion_length=MAX_LENGTH,
        _metrics=defaultdict(lambda: defaultdict(list)),
    )
    ids, mask = torch.zeros(SIZE, LENGTH, dtype=torch.long), drawn["mask"]
    inputs = {
        "prompt_ids": ids,
        "prompt_mask": mask,
        "completion_ids": ids,
        "completion_mask": mask,
        "advantages": drawn["advantages"],
        "old_per_token_logps": drawn["old"],
        "ref_per_token_logps": drawn["reference"],
        "importance_sampling_ratio": drawn["importance"],
        "num_items_in_batch": mask.sum(),
    }
    loss: Tensor = grpo_trainer.GRPOTrainer._compute_loss(trainer, None, inputs)
    return loss


def our_loss(
    drawn: dict[str, Tensor], logprobs: Tensor, aggregation: Aggregation, kl: float
) -> Tensor:
    mask = drawn["mask"]
    weights = losses.sequence_weights(mask.sum(dim=1), aggregation, MAX_LENGTH)
    found = losses.policy_loss(
        logprobs,
        drawn["old"],
        drawn["advantages"],
        mask,
        weights=weights,
        clip_low=0.2,
        clip_high=0.28,
        importance=drawn["importance"],
    )
    divergence = losses.kl_k3(logprobs, drawn["reference"])
    return found.loss + kl * losses.weighted_sum(divergence, mask, weights)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kl", [0.0, 0.1])
@pytest.mark.parametrize(
    ("loss_type", "aggregation"),
    [("grpo", "sequence_mean"), ("dapo", "token_mean"), ("dr_grpo", "constant_length")],
)
def test_the_loss_and_its_gradient(loss_type: str, aggregation: Any, kl: float, seed: int) -> None:
    drawn = random(seed)
    mine, other = (drawn["logprobs"].clone().requires_grad_() for _ in range(2))
    ours = our_loss(drawn, mine, aggregation, kl)
    theirs = trl_loss(drawn, other, loss_type, kl)
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-6)
    ours.backward()
    theirs.backward()
    torch.testing.assert_close(mine.grad, other.grad, atol=1e-6, rtol=1e-6)
