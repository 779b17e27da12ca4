"""The critic of PPO: V of every state that a response passes through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from astro.data.samples import TrainingSample
from astro_torch_rl import adapters
from astro_torch_rl.batches import Batcher, TokenBatch
from astro_torch_rl.descent import Piece, descend
from astro_torch_rl.device import Device
from astro_torch_rl.experience import Experience
from astro_torch_rl.losses import value_loss
from astro_torch_rl.optimiser import Optimiser
from astro_torch_rl.params import PpoParams
from astro_torch_rl.tally import Tally


class Critic:
    """A trunk of its own, a copy of the start model's, under a linear head that starts at V = 0.

    It shares nothing with the policy, so neither loss disturbs the other; the price is the memory
    of a second model.
    """

    def __init__(self, trunk: PreTrainedModel, params: PpoParams, device: Device) -> None:
        width = trunk.config.get_text_config().hidden_size
        head = torch.nn.Linear(width, 1, device=device.device)
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.zeros_(head.bias)
        self._model = torch.nn.ModuleDict({"trunk": trunk, "head": head})
        self._params = params
        self._device = device
        self._batcher = Batcher(device.device, params.micro_batch_tokens)
        self._optimiser = Optimiser(self._model.parameters(), params.critic_learning_rate, params)

    def state(self) -> dict[str, Any]:
        """What a resumed run needs beside the start model."""
        return {"optimiser": self._optimiser.state(), "weights": adapters.trained(self._model)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self._optimiser.load_state(state["optimiser"])
        self._model.load_state_dict(state["weights"], strict=False)

    def values(self, sequences: Sequence[TrainingSample]) -> list[Tensor]:
        """V before each response token, `[T]` for each sequence, without gradient."""
        return self._batcher.each(sequences, self._values)

    def update(
        self, experience: Sequence[Experience], minibatches: Sequence[Sequence[int]], rate: float
    ) -> dict[str, float]:
        """One optimiser step a minibatch, at `rate` times the critic's learning rate.

        Every token counts alike. Returns metrics named `critic/...`: `loss`, `clip_fraction`,
        `explained_variance` of the returns by the values before the update, `grad_norm`.
        """
        tally = Tally()
        tally.add("learning_rate", self._optimiser.set_rate(rate))
        descend(
            experience,
            minibatches,
            lambda piece: self._loss(piece, tally),
            optimiser=self._optimiser,
            batcher=self._batcher,
            aggregation="token_mean",
            max_tokens=self._params.max_tokens,
            tally=tally,
        )
        means = {**tally.means(), **explained_variance(experience)}
        return {f"critic/{name}": mean for name, mean in means.items()}

    def _loss(self, piece: Piece, tally: Tally) -> Tensor:
        old, returns = (
            piece.window(rows)
            for rows in zip(*((e.values, e.returns) for e in piece.experience), strict=True)
        )
        assert old is not None
        assert returns is not None
        found = value_loss(
            self._values(piece.batch),
            old,
            returns,
            piece.batch.mask,
            weights=piece.weights,
            clip=self._params.value_clip,
        )
        tally.add("clip_fraction", found.clipped.item(), piece.tokens)
        return found.loss

    def _values(self, batch: TokenBatch) -> Tensor:
        """V before each token of the window, `[B, T]`."""
        kind, dtype = batch.input_ids.device.type, self._device.dtype
        with torch.autocast(kind, dtype, enabled=dtype is not torch.float32):
            hidden = self._model["trunk"](input_ids=batch.input_ids, use_cache=False)
        before = hidden.last_hidden_state[:, -batch.mask.shape[1] - 1 : -1].float()
        values: Tensor = self._model["head"](before).squeeze(-1)
        return values


def explained_variance(experience: Sequence[Experience]) -> dict[str, float]:
    """1 - Var(returns - values) / Var(returns) over all tokens; nothing if returns do not vary."""
    returns = torch.cat([e.returns.cpu() for e in experience if e.returns is not None])
    values = torch.cat([e.values.cpu() for e in experience if e.values is not None])
    variance = returns.var(correction=0)
    if not variance > 0:
        return {}
    unexplained = (returns - values).var(correction=0) / variance
    return {"explained_variance": 1 - unexplained.item()}
