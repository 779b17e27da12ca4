"""The part that differs between RL algorithms: how the rewards of a batch become advantages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from astro.data.samples import TrainingSample
from astro_torch_rl.experience import CachedLogprobs, Experience
from astro_torch_rl.rollouts import Group


@dataclass(frozen=True, slots=True)
class CriticSettings:
    """How a critic is trained.

    Attributes:
        learning_rate: Its peak learning rate.
        value_clip: The bound of a value's change in one batch; None for no bound.
        pretraining_steps: Number of first steps, which train the critic alone.
    """

    learning_rate: float
    value_clip: float | None
    pretraining_steps: int = 0


class Advantage(Protocol):
    """The strategy of one RL algorithm. `GroupAdvantage` and `CriticAdvantage` are two of them."""

    @property
    def critic(self) -> CriticSettings | None:
        """The settings of the critic to train; None for an algorithm without one."""

    @property
    def max_refills(self) -> int:
        """The number of further rounds of sampling that replace groups without a signal."""

    def learns_from(self, group: Group) -> bool:
        """Return whether the responses of a group are trained on."""

    def experience(
        self,
        sequences: Sequence[TrainingSample],
        logprobs: CachedLogprobs,
        values: Sequence[Tensor],
    ) -> list[Experience]:
        """Return the samples of a batch with their advantages, in the same order.

        Samples of one group stand together. `values` are the critic's, `[T]` per sample, and empty
        without a critic.
        """
