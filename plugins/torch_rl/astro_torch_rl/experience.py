"""The inputs of an update: samples with the advantage of each response token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from astro.data.samples import TrainingSample
from astro_torch_rl.losses import kl_estimate
from astro_torch_rl.params import TrainParams


@dataclass(frozen=True, slots=True)
class Experience:
    """A sample, and one value per response token, `[T]`, for each input of the losses.

    Attributes:
        sequence: The prompt and the response.
        advantages: The advantage of each token.
        old_logprobs: Log-probabilities in the denominator of the ratio; None to take those of the
            current policy.
        reference_logprobs: Log-probabilities under the start model, if there is a KL term.
        values: The critic's values before each token, if there is a critic.
        returns: The returns that the critic is trained on, if there is a critic.
    """

    sequence: TrainingSample
    advantages: Tensor
    old_logprobs: Tensor | None = None
    reference_logprobs: Tensor | None = None
    values: Tensor | None = None
    returns: Tensor | None = None


@dataclass(frozen=True, slots=True)
class CachedLogprobs:
    """Logprobs of each sample's response, `[T]`, before any update on the samples."""

    old_logprobs: Sequence[Tensor | None]
    reference_logprobs: Sequence[Tensor | None]

    def penalties(self, sequences: Sequence[TrainingSample], params: TrainParams) -> list[Tensor]:
        """Return the KL penalty to subtract from each token's reward, `[T]` per sample.

        It is `kl` times the KL estimate, and 0 if the KL is a term of the loss or not used.
        """
        models = zip(self.old_logprobs, self.reference_logprobs, strict=True)
        return [
            torch.zeros(len(sequence.response_ids))
            if params.kl_in == "loss" or old is None or reference is None
            else params.kl * kl_estimate(params.kl_estimator, old.cpu(), reference.cpu())
            for sequence, (old, reference) in zip(sequences, models, strict=True)
        ]

    def with_advantages(
        self, sequences: Sequence[TrainingSample], advantages: Sequence[Tensor]
    ) -> list[Experience]:
        """Return the experience of samples with these advantages, `[T]` per sample."""
        return [
            Experience(sequence, advantage, old, reference)
            for sequence, advantage, old, reference in zip(
                sequences, advantages, self.old_logprobs, self.reference_logprobs, strict=True
            )
        ]
