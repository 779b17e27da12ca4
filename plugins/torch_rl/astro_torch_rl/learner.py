"""The model being trained, its optimiser, and one update of it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from astro.errors import TrainingError
from astro_torch_rl.batches import TokenBatch, TrainSequence, collate, micro_batches
from astro_torch_rl.device import Device
from astro_torch_rl.losses import kl_k3, policy_loss, sequence_weights, weighted_sum
from astro_torch_rl.params import GrpoParams
from astro_torch_rl.scoring import Scores, score

MAX_SKIPPED = 5


@dataclass(frozen=True, slots=True)
class _Terms:
    """What the loss of a micro-batch takes beside its scores: `[B]`, `[B]` and `[B, T]`."""

    advantages: Tensor
    weights: Tensor
    old_logprobs: Tensor


class Learner:
    """A policy in training; `done` counts its updates.

    `reference` is the frozen model of the KL term, and needed if that has a weight.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        params: GrpoParams,
        device: Device,
        *,
        reference: PreTrainedModel | None = None,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.done = 0
        self._params = params
        self._device = device
        self._reference = reference
        self._skipped_in_a_row = 0
        self._optimizer = torch.optim.AdamW(
            model.parameters(),
            lr=params.learning_rate,
            betas=params.betas,
            weight_decay=params.weight_decay,
        )

    def state(self) -> dict[str, Any]:
        """What a resumed run needs beside the weights."""
        return {
            "optimizer": self._optimizer.state_dict(),
            "done": self.done,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self._optimizer.load_state_dict(state["optimizer"])
        self.done = state["done"]

    def update(self, sequences: Sequence[TrainSequence], rng: Random) -> dict[str, float]:
        """Train on the sequences of one batch of rollouts, in minibatches drawn by `rng`.

        Returns metrics over response tokens: `loss`, `entropy`, `clip_fraction`, `kl` (k3, from the
        ratio's denominator to the policy as it is being trained), and `mismatch`, the mean
        |sampler - trainer| log-probability before the first optimiser step (at temperature 1
        only). Without sequences there are none of these.

        Raises `TrainingError` once updates have been skipped, for losses or gradients that are not
        finite, `MAX_SKIPPED` times in a row.
        """
        rate = self._params.learning_rate * rate_factor(self.done, self._params)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        phases = self._phases(len(sequences), rng)
        old = self._old_logprobs(sequences, len(phases))
        sums: defaultdict[str, float] = defaultdict(float)
        for number, phase in enumerate(phases):
            chosen = [sequences[i] for i in phase]
            self._optimise(chosen, old and [old[i] for i in phase], sums, fresh=number == 0)
        self.done += 1
        return {"learning_rate": rate, **_means(sums)}

    def _phases(self, size: int, rng: Random) -> list[list[int]]:
        """The indices of the sequences of each optimiser step.

        The steps of a pass are as even as can be: a small remainder would move the weights as far
        as a whole minibatch does.
        """
        steps = math.ceil(size / (self._params.minibatch or max(size, 1)))
        phases: list[list[int]] = []
        for _ in range(self._params.epochs_per_batch):
            order = rng.sample(range(size), size)
            phases += [order[i::steps] for i in range(steps)]
        return phases

    def _old_logprobs(self, sequences: Sequence[TrainSequence], phases: int) -> list[Tensor] | None:
        """Each sequence's denominators, or None where the policy as it stands gives them.

        With a single optimiser step the ratio is 1 throughout, so no forward pass is spent on it.
        """
        if self._params.old_logprobs == "sampler":
            return [torch.tensor(s.logprobs) for s in sequences]
        if phases <= 1:
            return None
        found: dict[int, Tensor] = {}
        for indices in self._micro_batches(sequences):
            batch = collate([sequences[i] for i in indices], self._device.device)
            with torch.no_grad():
                logprobs = self._score(self.model, batch).logprobs
            found.update(zip(indices, batch.gather(logprobs), strict=True))
        return [found[i] for i in range(len(sequences))]

    def _optimise(
        self,
        sequences: Sequence[TrainSequence],
        old: Sequence[Tensor] | None,
        sums: defaultdict[str, float],
        fresh: bool,
    ) -> None:
        """One optimiser step. `fresh`: the weights are still those that sampled."""
        lengths = torch.tensor([len(s.response_ids) for s in sequences])
        weights = sequence_weights(lengths, self._params.aggregation, self._params.max_tokens)
        total = 0.0
        for indices in self._micro_batches(sequences):
            chosen = [sequences[i] for i in indices]
            batch = collate(chosen, self._device.device)
            scores = self._score(self.model, batch)
            now = scores.logprobs.detach()
            terms = _Terms(
                advantages=torch.tensor([s.advantage for s in chosen]).to(now.device),
                weights=weights[indices].to(now.device),
                old_logprobs=batch.scatter([old[i] for i in indices]) if old else now,
            )
            loss = self._loss(batch, scores, terms, sums)
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.item()
            if fresh and self._params.temperature == 1.0:
                sampled = batch.scatter([torch.tensor(s.logprobs) for s in chosen])
                sums["mismatch"] += ((sampled - now).abs() * batch.mask).sum().item()
                sums["fresh_tokens"] += batch.mask.sum().item()
        self._apply(total, sums)

    def _loss(
        self, batch: TokenBatch, scores: Scores, terms: _Terms, sums: defaultdict[str, float]
    ) -> Tensor:
        """A micro-batch's share of the loss; what is measured is added to `sums`."""
        params, mask = self._params, batch.mask
        found = policy_loss(
            scores.logprobs,
            terms.old_logprobs,
            terms.advantages,
            mask,
            weights=terms.weights,
            clip_low=params.clip_low,
            clip_high=params.clip_high,
        )
        loss = found.loss
        if self._reference is not None:
            with torch.no_grad():
                reference = self._score(self._reference, batch).logprobs
            divergence = kl_k3(scores.logprobs, reference)
            loss = loss + params.kl * weighted_sum(divergence, mask, terms.weights)
        if params.entropy_bonus:
            bonus = weighted_sum(scores.entropy, mask, terms.weights)
            loss = loss - params.entropy_bonus * bonus
        sums["clip_fraction"] += found.clipped.item()
        sums["kl"] += found.kl.item()
        sums["entropy"] += (scores.entropy.detach() * mask).sum().item()
        sums["tokens"] += mask.sum().item()
        return loss

    def _apply(self, loss: float, sums: defaultdict[str, float]) -> None:
        """Take the step that the gradients point to, if they are finite."""
        parameters = self.model.parameters()
        norm = torch.nn.utils.clip_grad_norm_(parameters, self._params.max_grad_norm).item()
        if math.isfinite(norm) and math.isfinite(loss):
            self._optimizer.step()
            sums["updates"] += 1
            sums["grad_norm"] += norm
            sums["loss"] += loss
            self._skipped_in_a_row = 0
        else:
            sums["skipped"] += 1
            self._skipped_in_a_row += 1
        self._optimizer.zero_grad()
        if self._skipped_in_a_row >= MAX_SKIPPED:
            raise TrainingError(
                f"{MAX_SKIPPED} updates in a row had losses or gradients that are not finite",
                "lower rl.params.learning_rate, or set rl.params.dtype=float32",
            )

    def _score(self, model: PreTrainedModel, batch: TokenBatch) -> Scores:
        return score(
            model,
            batch,
            temperature=self._params.temperature,
            dtype=self._device.dtype,
            entropy_grad=self._params.entropy_bonus > 0,
        )

    def _micro_batches(self, sequences: Sequence[TrainSequence]) -> list[list[int]]:
        return micro_batches([s.length for s in sequences], self._params.micro_batch_tokens)


def rate_factor(done: int, params: GrpoParams) -> float:
    """What the learning rate is multiplied by after `done` of the steps, in (0, 1].

    Linear warm-up whose first step is not lost to a rate of 0, then the schedule, over all steps.
    """
    warmup = min(1.0, (done + 1) / (params.warmup_steps + 1))
    share = done / params.steps
    match params.schedule:
        case "constant":
            return warmup
        case "linear":
            return warmup * (1 - share)
        case "cosine":
            return warmup * (1 + math.cos(math.pi * share)) / 2


def _means(sums: defaultdict[str, float]) -> dict[str, float]:
    """Metrics from sums over tokens and over updates; what is not finite is left out."""
    per = {
        "entropy": "tokens",
        "clip_fraction": "tokens",
        "kl": "tokens",
        "mismatch": "fresh_tokens",
        "grad_norm": "updates",
        "loss": "updates",
    }
    means = {name: sums[name] / sums[count] for name, count in per.items() if sums[count]}
    finite = {name: mean for name, mean in means.items() if math.isfinite(mean)}
    return {**finite, "skipped": sums["skipped"]}
