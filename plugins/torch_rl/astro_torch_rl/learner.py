"""The policy that is trained, and its updates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from astro.data.samples import TrainingSample
from astro_hf import adapters
from astro_torch_rl.batches import Batcher, TokenBatch
from astro_torch_rl.device import Device
from astro_torch_rl.experience import CachedLogprobs, Experience
from astro_torch_rl.losses import (
    importance_weights,
    kl_estimate,
    kl_k3,
    policy_loss,
    weighted_sum,
)
from astro_torch_rl.metric_means import MetricMeans
from astro_torch_rl.optimizer import Optimizer
from astro_torch_rl.params import TrainParams
from astro_torch_rl.scoring import Scores, score
from astro_torch_rl.updates import MicroBatch, run_updates


class Learner:
    """The policy in training. `reference` is the frozen start model, if there is a KL term."""

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
        self._optimizer = Optimizer(model.parameters(), params.learning_rate, params)

    def state(self) -> dict[str, Any]:
        """Return the state that a resumed run needs in addition to the saved model."""
        adapter = adapters.trained(self.model) if self._params.lora else {}
        return {"optimiser": self._optimizer.state(), "adapter": adapter}

    def load_state(self, state: dict[str, Any]) -> None:
        """Load a state that `state` returned."""
        self._optimizer.load_state(state["optimiser"])
        self.model.load_state_dict(state["adapter"], strict=False)

    def precompute_logprobs(
        self, sequences: Sequence[TrainingSample], updates: int
    ) -> CachedLogprobs:
        """Return the logprobs that the losses need, `[T]` per sample, before any of `updates`.

        With a single update the ratio is always 1, so its denominator is not computed.
        """
        params, nothing = self._params, [None] * len(sequences)
        old: Sequence[Tensor | None] = nothing
        if params.old_logprobs == "sampler":
            old = [torch.tensor(s.logprobs) for s in sequences]
        elif updates > 1 or (params.kl and params.kl_in == "reward"):
            old = self._logprobs(self.model, sequences)
        reference = self._reference
        return CachedLogprobs(old, self._logprobs(reference, sequences) if reference else nothing)

    def update(
        self, experience: Sequence[Experience], minibatches: Sequence[Sequence[int]], rate: float
    ) -> dict[str, float]:
        """Take one optimizer step per minibatch, at `rate` times the learning rate.

        Returns means over response tokens: `loss`, `entropy`, `clip_fraction`, `kl` (the k3
        estimate from the ratio's denominator to the policy being trained) and `kl_reference`. At
        temperature 1, two more metrics compare sampler and trainer before the first step:
        `mismatch`, the mean absolute difference of their logprobs, and `mismatch_kl`. With
        truncated importance weights there are also their mean, `importance`, and the share of
        tokens at the cap, `importance_capped`. Without experience there is only `learning_rate`.
        """
        metrics = MetricMeans()
        metrics.add("learning_rate", self._optimizer.set_rate(rate))
        run_updates(
            experience,
            minibatches,
            lambda micro_batch: self._loss(micro_batch, metrics),
            optimizer=self._optimizer,
            batcher=self._batcher,
            aggregation=self._params.aggregation,
            max_tokens=self._params.max_tokens,
            metrics=metrics,
        )
        return metrics.means()

    def _loss(self, micro_batch: MicroBatch, metrics: MetricMeans) -> Tensor:
        """A micro-batch's share of the loss; its metrics are added to `metrics`."""
        params, mask = self._params, micro_batch.batch.mask
        scores = self._score(self.model, micro_batch.batch)
        old = micro_batch.window([e.old_logprobs for e in micro_batch.experience])
        old = scores.logprobs.detach() if old is None else old
        found = policy_loss(
            scores.logprobs,
            old,
            micro_batch.batch.scatter([e.advantages for e in micro_batch.experience]),
            mask,
            weights=micro_batch.weights,
            clip_low=params.clip_low,
            clip_high=params.clip_high,
            importance=self._importance(micro_batch, old, scores, metrics),
        )
        metrics.add("clip_fraction", found.clipped.item(), micro_batch.tokens)
        metrics.add("kl", found.kl.item(), micro_batch.tokens)
        metrics.add("entropy", micro_batch.total(scores.entropy), micro_batch.tokens)
        loss = found.loss + self._kl_term(micro_batch, scores, metrics)
        if params.entropy_bonus:
            entropy = weighted_sum(scores.entropy, mask, micro_batch.weights)
            loss = loss - params.entropy_bonus * entropy
        return loss

    def _kl_term(
        self, micro_batch: MicroBatch, scores: Scores, metrics: MetricMeans
    ) -> Tensor | float:
        """The weighted KL to the start model; 0 if it is not a term of the loss."""
        params = self._params
        reference = micro_batch.window([e.reference_logprobs for e in micro_batch.experience])
        if reference is None:
            return 0.0
        kl = kl_estimate(params.kl_estimator, scores.logprobs, reference)
        metrics.add("kl_reference", micro_batch.total(kl), micro_batch.tokens)
        if params.kl_in == "reward":
            return 0.0
        return params.kl * weighted_sum(kl, micro_batch.batch.mask, micro_batch.weights)

    def _importance(
        self, micro_batch: MicroBatch, old: Tensor, scores: Scores, metrics: MetricMeans
    ) -> Tensor | None:
        """Measure how far the sampler is from the trainer; the weights that correct it, if any."""
        cap = self._params.importance_cap
        if self._params.temperature != 1.0 or not (micro_batch.fresh or cap):
            return None
        rows = [torch.tensor(e.sequence.logprobs) for e in micro_batch.experience]
        sampled, tokens = micro_batch.batch.scatter(rows), micro_batch.tokens
        if micro_batch.fresh:
            now = scores.logprobs.detach()
            metrics.add("mismatch", micro_batch.total((sampled - now).abs()), tokens)
            metrics.add("mismatch_kl", micro_batch.total(kl_k3(sampled, now)), tokens)
        if cap is None:
            return None
        weights = importance_weights(old, sampled, cap)
        metrics.add("importance", micro_batch.total(weights), tokens)
        metrics.add("importance_capped", micro_batch.total(weights >= cap), tokens)
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
