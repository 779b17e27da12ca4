"""The policy being trained, and one update of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from astro.data.samples import TrainingSample
from astro_torch_rl import adapters
from astro_torch_rl.batches import Batcher, TokenBatch
from astro_torch_rl.descent import Piece, descend
from astro_torch_rl.device import Device
from astro_torch_rl.experience import Experience, Known
from astro_torch_rl.losses import (
    importance_weights,
    kl_estimate,
    kl_k3,
    policy_loss,
    weighted_sum,
)
from astro_torch_rl.optimiser import Optimiser
from astro_torch_rl.params import TrainParams
from astro_torch_rl.scoring import Scores, score
from astro_torch_rl.tally import Tally


class Learner:
    """A policy in training. `reference` is the frozen start model, if there is a KL term."""

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        params: TrainParams,
        device: Device,
        *,
        reference: PreTrainedModel | None = None,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self._params = params
        self._device = device
        self._reference = reference
        self._batcher = Batcher(device.device, params.micro_batch_tokens)
        self._optimiser = Optimiser(model.parameters(), params.learning_rate, params)

    def state(self) -> dict[str, Any]:
        """What a resumed run needs beside the model that `checkpoint` writes."""
        adapter = adapters.trained(self.model) if self._params.lora else {}
        return {"optimiser": self._optimiser.state(), "adapter": adapter}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self._optimiser.load_state(state["optimiser"])
        self.model.load_state_dict(state["adapter"], strict=False)

    def know(self, sequences: Sequence[TrainingSample], steps: int) -> Known:
        """What the losses need to be told of the models as they are before `steps` updates.

        With a single update the ratio is 1 throughout, so no forward pass is spent on it.
        """
        params, nothing = self._params, [None] * len(sequences)
        old: Sequence[Tensor | None] = nothing
        if params.old_logprobs == "sampler":
            old = [torch.tensor(s.logprobs) for s in sequences]
        elif steps > 1 or (params.kl and params.kl_in == "reward"):
            old = self._logprobs(self.model, sequences)
        reference = self._reference
        return Known(old, self._logprobs(reference, sequences) if reference else nothing)

    def update(
        self, experience: Sequence[Experience], minibatches: Sequence[Sequence[int]], rate: float
    ) -> dict[str, float]:
        """One optimiser step a minibatch, at `rate` times the learning rate.

        Returns metrics over response tokens: `loss`, `entropy`, `clip_fraction`, `kl` (k3, from the
        ratio's denominator to the policy as it is being trained), `kl_reference`, and how far the
        sampler is from the trainer before the first step (at temperature 1 only): `mismatch`, the
        mean |log-probability|, and `mismatch_kl`; of truncated importance weights, their mean
        `importance` and the share `importance_capped`. Without experience there are none of these.
        """
        tally = Tally()
        tally.add("learning_rate", self._optimiser.set_rate(rate))
        descend(
            experience,
            minibatches,
            lambda piece: self._loss(piece, tally),
            optimiser=self._optimiser,
            batcher=self._batcher,
            aggregation=self._params.aggregation,
            max_tokens=self._params.max_tokens,
            tally=tally,
        )
        return tally.means()

    def _loss(self, piece: Piece, tally: Tally) -> Tensor:
        """A piece's share of the loss; what is measured goes to the tally."""
        params, mask = self._params, piece.batch.mask
        scores = self._score(self.model, piece.batch)
        old = piece.window([e.old_logprobs for e in piece.experience])
        old = scores.logprobs.detach() if old is None else old
        found = policy_loss(
            scores.logprobs,
            old,
            piece.batch.scatter([e.advantages for e in piece.experience]),
            mask,
            weights=piece.weights,
            clip_low=params.clip_low,
            clip_high=params.clip_high,
            importance=self._importance(piece, old, scores, tally),
        )
        tally.add("clip_fraction", found.clipped.item(), piece.tokens)
        tally.add("kl", found.kl.item(), piece.tokens)
        tally.add("entropy", piece.total(scores.entropy), piece.tokens)
        loss = found.loss + self._kl_term(piece, scores, tally)
        if params.entropy_bonus:
            loss = loss - params.entropy_bonus * weighted_sum(scores.entropy, mask, piece.weights)
        return loss

    def _kl_term(self, piece: Piece, scores: Scores, tally: Tally) -> Tensor | float:
        """The weighted divergence from the start model, 0 where it is no term of the loss."""
        reference = piece.window([e.reference_logprobs for e in piece.experience])
        if reference is None:
            return 0.0
        divergence = kl_estimate(self._params.kl_estimator, scores.logprobs, reference)
        tally.add("kl_reference", piece.total(divergence), piece.tokens)
        if self._params.kl_in == "reward":
            return 0.0
        return self._params.kl * weighted_sum(divergence, piece.batch.mask, piece.weights)

    def _importance(self, piece: Piece, old: Tensor, scores: Scores, tally: Tally) -> Tensor | None:
        """Measures sampler against trainer, and gives the weights that correct for it, if asked."""
        cap = self._params.importance_cap
        if self._params.temperature != 1.0 or not (piece.fresh or cap):
            return None
        sampled = piece.batch.scatter([torch.tensor(e.sequence.logprobs) for e in piece.experience])
        if piece.fresh:
            now = scores.logprobs.detach()
            tally.add("mismatch", piece.total((sampled - now).abs()), piece.tokens)
            tally.add("mismatch_kl", piece.total(kl_k3(sampled, now)), piece.tokens)
        if cap is None:
            return None
        weights = importance_weights(old, sampled, cap)
        tally.add("importance", piece.total(weights), piece.tokens)
        tally.add("importance_capped", piece.total(weights >= cap), piece.tokens)
        return weights

    def _logprobs(
        self, model: PreTrainedModel, sequences: Sequence[TrainingSample]
    ) -> list[Tensor]:
        return self._batcher.each(sequences, lambda batch: self._score(model, batch).logprobs)

    def _score(self, model: PreTrainedModel, batch: TokenBatch) -> Scores:
        return score(
            model,
            batch,
            temperature=self._params.temperature,
            dtype=self._device.dtype,
            entropy_grad=self._params.entropy_bonus > 0,
        )
