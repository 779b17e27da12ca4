"""Another algorithm is one file: its params, its `Advantage`, and a function that builds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import torch
from torch import Tensor

from astro.data.samples import TrainingSample
from astro.interfaces import StepFormat
from astro.plugins.binding import Binding
from astro.plugins.hookspecs import Provider
from astro.plugins.registry import Entry, Registry
from astro_torch_rl.experience import CachedLogprobs, Experience
from astro_torch_rl.params import TrainParams
from astro_torch_rl.rollouts import Group
from astro_torch_rl.trainer import Trainer


class BatchParams(TrainParams):
    """Params of the toy algorithm."""

    scale: float = 1.0


@dataclass(frozen=True)
class BatchAdvantage:
    """REINFORCE with the mean reward of the whole batch as its baseline."""

    scale: float
    critic: None = None
    max_refills: int = 0

    def learns_from(self, group: Group) -> bool:
        return bool(group.judged)

    def experience(
        self,
        sequences: Sequence[TrainingSample],
        logprobs: CachedLogprobs,
        values: Sequence[Tensor],  # noqa: ARG002 - of the protocol
    ) -> list[Experience]:
        baseline = fmean(sequence.reward or 0.0 for sequence in sequences)
        rows = [
            torch.full((len(s.response_ids),), self.scale * ((s.reward or 0.0) - baseline))
            for s in sequences
        ]
        return logprobs.with_advantages(sequences, rows)


def build(params: BatchParams, *, step_format: StepFormat) -> Trainer:
    return Trainer(params, BatchAdvantage(params.scale), step_format=step_format)


@pytest.mark.parametrize(("scale", "rises"), [(1.0, True), (-1.0, False)])
def test_another_advantage_is_trained_with_by_name(
    toy: Any, tmp_path: Path, scale: float, rises: bool
) -> None:
    provider = Provider(
        "rl", "batch", "a toy", target=f"{__name__}:build", params=f"{__name__}:BatchParams"
    )
    registry = Registry([*Registry.discover().entries, Entry(provider, "toy", "1")])
    params = {
        "steps": 12,
        "prompts_per_step": 4,
        "group_size": 16,
        "max_tokens": 2,
        "filter_samples": 0,
        "learning_rate": 1e-2,
        "device": "cpu",
        "scale": scale,
        "max_silent_steps": 12,
    }
    format_ = registry.build("step_format", Binding(name="lines"))
    trainer = registry.build("rl", Binding(name="batch", params=params), step_format=format_)
    trainer.train(toy.job(tmp_path), toy.on_step)
    rewards = [reward for *_, reward in toy.reported]
    assert (fmean(rewards[-3:]) > fmean(rewards[:3]) + 0.1) == rises
