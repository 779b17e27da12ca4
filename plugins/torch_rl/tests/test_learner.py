from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

from astro.data.samples import TrainingSample
from astro.errors import TrainingError
from astro_torch_rl.batches import collate, minibatches
from astro_torch_rl.device import Device, load_model
from astro_torch_rl.experience import Experience
from astro_torch_rl.grpo import GroupAdvantage
from astro_torch_rl.learner import Learner
from astro_torch_rl.optimizer import MAX_SKIPPED
from astro_torch_rl.params import GrpoParams
from astro_torch_rl.scoring import score

CPU = Device(torch.device("cpu"), torch.float32)
RESPONSES = ((7, 1), (8, 9, 10), (3,), (10, 10, 7, 1))
REWARDS = (1.0, 0.0, 0.0, 0.0)


def logprobs(model: Any, prompt: tuple[int, ...], response: tuple[int, ...]) -> list[float]:
    """By the plain forward pass of one unpadded sequence."""
    ids = torch.tensor([prompt + response])
    with torch.no_grad():
        scores = model(ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
    return [scores[i, token].item() for i, token in enumerate(response)]


class Update:
    """A learner, its params, and a group of four, the prompts of different lengths."""

    def __init__(self, tiny_model: Path, **params: Any) -> None:
        model = load_model(str(tiny_model), CPU.device)
        self.params = GrpoParams(**{"learning_rate": 1e-2, "max_tokens": 4, "threads": 1, **params})
        reference = load_model(str(tiny_model), CPU.device) if self.params.kl else None
        tokenizer = AutoTokenizer.from_pretrained(tiny_model)
        self.learner = Learner(model, tokenizer, self.params, CPU, reference=reference)
        prompts = [(2, 3, 4)[: 1 + i % 3] for i in range(4)]
        self.group = [
            TrainingSample.sampled(
                prompt, response, tuple(logprobs(model, prompt, response)), reward
            )
            for prompt, response, reward in zip(prompts, RESPONSES, REWARDS, strict=True)
        ]

    def __call__(self, seed: int = 0, rows: Sequence[Experience] | None = None) -> dict[str, float]:
        """One update on the group, or on `rows`; returns its metrics."""
        size = len(self.group if rows is None else rows)
        order = minibatches(size, self.params.minibatch, self.params.epochs_per_batch, Random(seed))
        if rows is None:
            known = self.learner.precompute_logprobs(self.group, len(order))
            rows = GroupAdvantage(self.params).experience(self.group, known)
        return self.learner.update(rows, order, 1.0)

    @property
    def weights(self) -> torch.Tensor:
        return torch.cat([p.detach().flatten() for p in self.learner.model.parameters()])


def test_padded_scores_equal_those_of_each_sequence_alone(tiny_model: Path) -> None:
    update = Update(tiny_model)
    model, group = update.learner.model, update.group
    batch = collate(group, CPU.device)
    scores = score(model, batch, temperature=1.0, dtype=torch.float32)
    for row, sequence in zip(batch.gather(scores.logprobs), group, strict=True):
        torch.testing.assert_close(row, torch.tensor(sequence.logprobs), atol=1e-5, rtol=0)
    assert not scores.entropy.requires_grad
    p = model(torch.tensor([group[2].prompt_ids])).logits[0, -1].softmax(-1)
    expected = -(p * p.log()).sum().item()
    assert batch.gather(scores.entropy)[2].tolist() == [pytest.approx(expected, abs=1e-5)]


def test_an_update_favours_what_was_better_than_its_group(tiny_model: Path) -> None:
    update = Update(tiny_model)
    metrics = update()
    change = [
        sum(logprobs(update.learner.model, s.prompt_ids, s.response_ids)) - sum(s.logprobs)
        for s in update.group
    ]
    assert change[0] > 0 > sum(change[1:])
    assert metrics["mismatch"] < 1e-6
    assert metrics["mismatch_kl"] == pytest.approx(0.0, abs=1e-6)
    assert (metrics["clip_fraction"], metrics["kl"], metrics["skipped"]) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("aggregation", ["token_mean", "sequence_mean", "constant_length"])
def test_the_size_of_micro_batches_does_not_matter(tiny_model: Path, aggregation: str) -> None:
    found = []
    for tokens in (1, 12, 10_000):
        metrics = Update(tiny_model, micro_batch_tokens=tokens, aggregation=aggregation)()
        found.append((metrics["loss"], metrics["grad_norm"], metrics["entropy"]))
    assert found[0] == pytest.approx(found[1], abs=1e-6)
    assert found[0] == pytest.approx(found[2], abs=1e-6)


def test_recomputed_and_sampled_denominators_agree_when_the_sampler_is_exact(
    tiny_model: Path,
) -> None:
    found = []
    for source in ("recompute", "sampler"):
        update = Update(
            tiny_model, old_logprobs=source, minibatch=2, epochs_per_batch=2, clip_high=0.01
        )
        metrics = update()
        assert metrics["kl"] > 0
        assert metrics["clip_fraction"] > 0
        found.append(update.weights)
    torch.testing.assert_close(*found, atol=1e-5, rtol=0)


def test_tokens_that_the_sampler_overrated_weigh_less(tiny_model: Path) -> None:
    # The sampler says e^-0.5 of the trainer's probability of every token of the first response,
    # and 4 times that of the second; the others it has right.
    update = Update(tiny_model, importance_cap=1.5, aggregation="token_mean")
    shift = torch.tensor([-0.5, 1.3862944, 0.0, 0.0])
    update.group = [
        replace(s, logprobs=tuple(p + d for p in s.logprobs))
        for s, d in zip(update.group, shift.tolist(), strict=True)
    ]
    metrics = update()
    # Weights min(e^0.5, 1.5), 1/4, 1, 1 on 2, 3, 1, 4 tokens, of advantages 3/4 and -1/4.
    assert metrics["importance"] == pytest.approx((2 * 1.5 + 3 / 4 + 5) / 10, abs=1e-5)
    assert metrics["importance_capped"] == pytest.approx(2 / 10)
    assert metrics["loss"] == pytest.approx(
        -(2 * 1.5 * 0.75 - 3 / 4 * 0.25 - 5 * 0.25) / 10, abs=1e-5
    )
    assert metrics["mismatch"] == pytest.approx((2 * 0.5 + 3 * 1.3862944) / 10, abs=1e-5)


def test_the_kl_term_holds_the_policy_to_its_start(tiny_model: Path) -> None:
    distance = {}
    for kl in (0.0, 10.0):
        update = Update(tiny_model, kl=kl, learning_rate=1e-3)
        start = update.weights
        for step in range(20):
            metrics = update(step)
        distance[kl] = float((update.weights - start).norm())
    assert distance[10.0] < 0.7 * distance[0.0]
    assert metrics["kl_reference"] > 0


def test_the_entropy_bonus_raises_entropy(tiny_model: Path) -> None:
    entropies = {}
    for bonus in (0.0, 1.0):
        update = Update(tiny_model, entropy_bonus=bonus)
        for step in range(10):
            metrics = update(step)
        entropies[bonus] = metrics["entropy"]
    assert entropies[1.0] > entropies[0.0] + 0.1


def test_updates_that_are_not_finite_are_skipped_and_then_an_error(tiny_model: Path) -> None:
    update = Update(tiny_model)
    bad = Experience(TrainingSample.sampled((2,), (3,), (-1.0,), 1.0), torch.tensor([float("nan")]))
    before = update.weights
    for _ in range(MAX_SKIPPED - 1):
        metrics = update(rows=[bad])
        assert metrics["skipped"] == 1.0
        assert "grad_norm" not in metrics
    assert torch.equal(update.weights, before)
    update()
    assert not torch.equal(update.weights, before)
    with pytest.raises(TrainingError, match="not finite"):
        for _ in range(MAX_SKIPPED):
            update(rows=[bad])


def test_an_update_without_experience_changes_nothing(tiny_model: Path) -> None:
    update = Update(tiny_model)
    before = update.weights
    assert update(rows=[]) == {"learning_rate": 1e-2}
    assert torch.equal(update.weights, before)


def test_bfloat16_rounds_but_does_not_break_an_update(tiny_model: Path) -> None:
    update = Update(tiny_model)
    low = Device(torch.device("cpu"), torch.bfloat16)
    model = load_model(str(tiny_model), low.device)
    update.learner = Learner(model, update.learner.tokenizer, update.params, low)
    metrics = update()
    assert 1e-6 < metrics["mismatch"] < 0.1
    assert metrics["skipped"] == 0.0
    assert {p.dtype for p in model.parameters()} == {torch.float32}
