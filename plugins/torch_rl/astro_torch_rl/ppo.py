"""PPO (arXiv 1707.06347): a critic, and generalized advantage estimates (arXiv 1506.02438)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from astro.data.samples import TrainingSample
from astro.interfaces import StepFormat
from astro_torch_rl.advantage import CriticSettings
from astro_torch_rl.experience import CachedLogprobs, Experience
from astro_torch_rl.losses import gae, normalized, token_rewards
from astro_torch_rl.params import PpoParams
from astro_torch_rl.rollouts import Group
from astro_torch_rl.trainer import Trainer


def build(params: PpoParams, *, step_format: StepFormat) -> Trainer:
    """Build the `rl` algorithm named `ppo`."""
    return Trainer(params, CriticAdvantage(params), step_format=step_format)


@dataclass(frozen=True, slots=True)
class CriticAdvantage:
    """An advantage for each token, estimated from a critic's values; see `Advantage`."""

    params: PpoParams
    max_refills: int = 0

    @property
    def critic(self) -> CriticSettings:
        """The settings in the params."""
        params = self.params
        return CriticSettings(
            params.critic_learning_rate, params.value_clip, params.value_pretraining_steps
        )

    def learns_from(self, group: Group) -> bool:  # noqa: ARG002 - of the protocol
        """Return True: a critic also learns from a group in which all rewards are equal."""
        return True

    def experience(
        self,
        sequences: Sequence[TrainingSample],
        logprobs: CachedLogprobs,
        values: Sequence[Tensor],
    ) -> list[Experience]:
        """Estimate the advantages; each token pays its own share of a KL in the reward."""
        params = self.params
        lengths = [len(sequence.response_ids) for sequence in sequences]
        mask = pad_sequence([torch.ones(length) for length in lengths], batch_first=True)
        rewards = torch.tensor([sequence.reward or 0.0 for sequence in sequences])
        penalties = pad_sequence(logprobs.penalties(sequences, params), batch_first=True)
        padded = pad_sequence([row.cpu() for row in values], batch_first=True)
        shaped = token_rewards(rewards, penalties, mask)
        advantages, returns = gae(shaped, padded, mask, params.gamma, params.gae_lambda)
        if params.normalize_advantages:
            advantages = normalized(advantages, mask)
        found = logprobs.with_advantages(sequences, _rows(advantages, lengths))
        return [
            replace(experience, values=value, returns=row)
            for experience, value, row in zip(found, values, _rows(returns, lengths), strict=True)
        ]


def _rows(padded: Tensor, lengths: Sequence[int]) -> list[Tensor]:
    """The rows of `padded`, `[B, T]`, without their padding."""
    return [row[:length] for row, length in zip(padded, lengths, strict=True)]
