"""GRPO (arXiv 2402.03300): advantages relative to the group's mean, without a critic.

With the default params it is the variant of the ASTRO paper: no KL term, advantages that are not
divided by the standard deviation, prompts selected by the start model's pass rate. Groups in which
all rewards are equal are replaced, as in DAPO (arXiv 2503.14476).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from astro.data.samples import TrainingSample
from astro.interfaces import StepFormat
from astro_torch_rl.experience import CachedLogprobs, Experience
from astro_torch_rl.losses import group_advantages
from astro_torch_rl.params import GrpoParams
from astro_torch_rl.rollouts import Group
from astro_torch_rl.trainer import Trainer


def build(params: GrpoParams, *, step_format: StepFormat) -> Trainer:
    """Build the `rl` algorithm named `grpo`."""
    return Trainer(params, GroupAdvantage(params), step_format=step_format)


@dataclass(frozen=True, slots=True)
class GroupAdvantage:
    """One advantage for all tokens of a response, relative to its group; see `Advantage`."""

    params: GrpoParams
    critic: None = None

    @property
    def max_refills(self) -> int:
        """The value of the param."""
        return self.params.max_refills

    def learns_from(self, group: Group) -> bool:
        """Return whether rewards differ: otherwise all advantages of the group are 0."""
        return group.has_signal

    def experience(
        self,
        sequences: Sequence[TrainingSample],
        logprobs: CachedLogprobs,
        values: Sequence[Tensor] = (),  # noqa: ARG002 - of the protocol
    ) -> list[Experience]:
        """Compare rewards within each group; a KL in the reward is summed over the response."""
        params = self.params
        penalties = logprobs.penalties(sequences, params)
        rewards = [
            (s.reward or 0.0) - p.sum().item() for s, p in zip(sequences, penalties, strict=True)
        ]
        advantages: list[float] = []
        for _, group in groupby(range(len(sequences)), key=lambda i: sequences[i].group):
            row = torch.tensor([[rewards[i] for i in group]])
            relative = group_advantages(row, params.normalize_std, params.leave_one_out)
            advantages += relative[0].tolist()
        rows = [
            torch.full((len(sequence.response_ids),), advantage)
            for sequence, advantage in zip(sequences, advantages, strict=True)
        ]
        return logprobs.with_advantages(sequences, rows)
