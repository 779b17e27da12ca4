"""What is learnt from: sequences with the advantage of each of their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from astro.data.samples import TrainingSample
from astro_torch_rl.losses import gae, group_advantages, kl_estimate, normalized, token_rewards
from astro_torch_rl.params import GrpoParams, PpoParams, TrainParams


@dataclass(frozen=True, slots=True)
class Experience:
    """A sequence and, for each of its T response tokens, `[T]`, what the losses take.

    `old_logprobs`: the ratio's denominators, or None where the policy as it stands gives them.
    `reference_logprobs`: the start model's, if there is a KL term. `values` and `returns`: of the
    critic, if there is one.
    """

    sequence: TrainingSample
    advantages: Tensor
    old_logprobs: Tensor | None = None
    reference_logprobs: Tensor | None = None
    values: Tensor | None = None
    returns: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the models said of sequences before any of them was trained on: a `[T]` for each."""

    old_logprobs: Sequence[Tensor | None]
    reference_logprobs: Sequence[Tensor | None]

    def penalties(self, sequences: Sequence[TrainingSample], params: TrainParams) -> list[Tensor]:
        """What is taken off each token's reward: its KL to the start model, weighted."""
        models = zip(self.old_logprobs, self.reference_logprobs, strict=True)
        return [
            torch.zeros(len(sequence.response_ids))
            if params.kl_in == "loss" or old is None or reference is None
            else params.kl * kl_estimate(params.kl_estimator, old.cpu(), reference.cpu())
            for sequence, (old, reference) in zip(sequences, models, strict=True)
        ]


def by_group(
    sequences: Sequence[TrainingSample], known: Known, params: GrpoParams
) -> list[Experience]:
    """Advantages relative to the group, one for all tokens of a response.

    Sequences of a group stand together. A KL in the reward is summed over the response.
    """
    penalties = known.penalties(sequences, params)
    rewards = [
        (s.reward or 0.0) - p.sum().item() for s, p in zip(sequences, penalties, strict=True)
    ]
    advantages: list[float] = []
    for _, group in groupby(range(len(sequences)), key=lambda i: sequences[i].group):
        row = torch.tensor([[rewards[i] for i in group]])
        advantages += group_advantages(row, params.normalize_std, params.leave_one_out)[0].tolist()
    rows = [
        torch.full((len(sequence.response_ids),), advantage)
        for sequence, advantage in zip(sequences, advantages, strict=True)
    ]
    return _experience(sequences, known, rows)


def by_critic(
    sequences: Sequence[TrainingSample], known: Known, values: Sequence[Tensor], params: PpoParams
) -> list[Experience]:
    """Generalised advantage estimates from the critic's `values`."""
    lengths = [len(sequence.response_ids) for sequence in sequences]
    mask = pad_sequence([torch.ones(length) for length in lengths], batch_first=True)
    rewards = torch.tensor([sequence.reward or 0.0 for sequence in sequences])
    penalties = pad_sequence(known.penalties(sequences, params), batch_first=True)
    padded = pad_sequence([row.cpu() for row in values], batch_first=True)
    shaped = token_rewards(rewards, penalties, mask)
    advantages, returns = gae(shaped, padded, mask, params.gamma, params.gae_lambda)
    if params.normalize_advantages:
        advantages = normalized(advantages, mask)
    found = _experience(sequences, known, _rows(advantages, lengths))
    return [
        replace(experience, values=value, returns=row)
        for experience, value, row in zip(found, values, _rows(returns, lengths), strict=True)
    ]


def _rows(padded: Tensor, lengths: Sequence[int]) -> list[Tensor]:
    return [row[:length] for row, length in zip(padded, lengths, strict=True)]


def _experience(
    sequences: Sequence[TrainingSample], known: Known, advantages: Sequence[Tensor]
) -> list[Experience]:
    return [
        Experience(sequence, advantage, old, reference)
        for sequence, advantage, old, reference in zip(
            sequences, advantages, known.old_logprobs, known.reference_logprobs, strict=True
        )
    ]
