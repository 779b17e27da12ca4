"""The critic of PPO, which estimates the value V of each prefix of a response."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from astro.data.samples import TrainingSample
from astro_hf import adapters
from astro_torch_rl.advantage import CriticSettings
from astro_torch_rl.batches import Batcher, TokenBatch
from astro_torch_rl.device import Device
from astro_torch_rl.experience import Experience
from astro_torch_rl.losses import value_loss
from astro_torch_rl.metric_means import MetricMeans
from astro_torch_rl.optimizer import Optimizer
from astro_torch_rl.params import TrainParams
from astro_torch_rl.updates import MicroBatch, run_updates


class Critic:
    """A copy of the start model's trunk with a linear head, which is initialized so that V = 0.

    It shares no weights with the policy, so the two losses do not interfere. This takes the memory
    of a second model.
    """

    def __init__(
        self,
        trunk: PreTrainedModel,
        params: TrainParams,
        settings: CriticSettings,
        device: Device,
    ) -> None:
        width = trunk.config.get_text_config().hidden_size
        head = torch.nn.Linear(width, 1, device=device.device)
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.zeros_(head.bias)
        self._model = torch.nn.ModuleDict({"trunk": trunk, "head": head})
        self._max_tokens = params.max_tokens
        self._value_clip = settings.value_clip
        self._device = device
        self._batcher = Batcher(device.device, params.micro_batch_tokens)
        self._optimizer = Optimizer(self._model.parameters(), settings.learning_rate, params)

    def state(self) -> dict[str, Any]:
        """Return the state that a resumed run needs in addition to the start model."""
        return {"optimiser": self._optimizer.state(), "weights": adapters.trained(self._model)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Load a state that `state` returned."""
        self._optimizer.load_state(state["optimiser"])
        self._model.load_state_dict(state["weights"], strict=False)

    def values(self, sequences: Sequence[TrainingSample]) -> list[Tensor]:
        """Return the value of the prefix before each response token, `[T]` per sample, detached."""
        return self._batcher.each(sequences, self._values)

    def update(
        self, experience: Sequence[Experience], minibatches: Sequence[Sequence[int]], rate: float
    ) -> dict[str, float]:
        """Take one optimizer step per minibatch, at `rate` times the critic's learning rate.

        All tokens have the same weight. Returns metrics named `critic/...`: `loss`,
        `clip_fraction`, `grad_norm`, and the `explained_variance` of the returns by the values
        before the update.
        """
        metrics = MetricMeans()
        metrics.add("learning_rate", self._optimizer.set_rate(rate))
        run_updates(
            experience,
            minibatches,
            lambda micro_batch: self._loss(micro_batch, metrics),
            optimizer=self._optimizer,
            batcher=self._batcher,
            aggregation="token_mean",
            max_tokens=self._max_tokens,
            metrics=metrics,
        )
        means = {**metrics.means(), **explained_variance(experience)}
        return {f"critic/{name}": mean for name, mean in means.items()}

    def _loss(self, micro_batch: MicroBatch, metrics: MetricMeans) -> Tensor:
        old, returns = (
            micro_batch.window(rows)
            for rows in zip(*((e.values, e.returns) for e in micro_batch.experience), strict=True)
        )
        assert old is not None
        assert returns is not None
        found = value_loss(
            self._values(micro_batch.batch),
            old,
            returns,
            micro_batch.batch.mask,
            weights=micro_batch.weights,
            clip=self._value_clip,
        )
        metrics.add("clip_fraction", found.clipped.item(), micro_batch.tokens)
        return found.loss

    def _values(self, batch: TokenBatch) -> Tensor:
        """Return the value of the prefix before each token of the window, `[B, T]`."""
        kind, dtype = batch.input_ids.device.type, self._device.dtype
        with torch.autocast(kind, dtype, enabled=dtype is not torch.float32):
            hidden = self._model["trunk"](input_ids=batch.input_ids, use_cache=False)
        before = hidden.last_hidden_state[:, -batch.mask.shape[1] - 1 : -1].float()
        values: Tensor = self._model["head"](before).squeeze(-1)
        return values


def explained_variance(experience: Sequence[Experience]) -> dict[str, float]:
    """Return 1 - Var(returns - values) / Var(returns) over all tokens, if returns differ."""
    returns = torch.cat([e.returns.cpu() for e in experience if e.returns is not None])
    values = torch.cat([e.values.cpu() for e in experience if e.values is not None])
    variance = returns.var(correction=0)
    if not variance > 0:
        return {}
    unexplained = (returns - values).var(correction=0) / variance
    return {"explained_variance": 1 - unexplained.item()}
