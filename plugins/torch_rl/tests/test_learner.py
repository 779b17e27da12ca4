from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

from astro.errors import TrainingError
from astro_torch_rl.batches import TrainSequence, collate
from astro_torch_rl.device import Device, load_model
from astro_torch_rl.learner import MAX_SKIPPED, Learner, rate_factor
from astro_torch_rl.params import GrpoParams
from astro_torch_rl.scoring import score

CPU = Device(torch.device("cpu"), torch.float32)
RESPONSES = ((7, 1), (8, 9, 10), (3,), (10, 10, 7, 1))
ADVANTAGES = (0.75, -0.25, -0.25, -0.25)


def logprobs(model: Any, prompt: tuple[int, ...], response: tuple[int, ...]) -> list[float]:
    """By the plain forward pass of one unpadded sequence."""
    ids = torch.tensor([prompt + response])
    with torch.no_grad():
        scores = model(ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
    return [scores[i, token].item() for i, token in enumerate(response)]


def make(tiny_model: Path, **params: Any) -> tuple[Learner, list[TrainSequence]]:
    """A learner and a group of four, the prompts of different lengths."""
    model = load_model(str(tiny_model), CPU.device)
    prompts = [(2, 3, 4)[: 1 + i % 3] for i in range(4)]
    group = [
        TrainSequence(prompt, response, tuple(logprobs(model, prompt, response)), advantage)
        for prompt, response, advantage in zip(prompts, RESPONSES, ADVANTAGES, strict=True)
    ]
    values = GrpoParams(**{"learning_rate": 1e-2, "max_tokens": 4, "threads": 1, **params})
    reference = load_model(str(tiny_model), CPU.device) if values.kl else None
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    return Learner(model, tokenizer, values, CPU, reference=reference), group


def weights(learner: Learner) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in learner.model.parameters()])


def test_padded_scores_equal_those_of_each_sequence_alone(tiny_model: Path) -> None:
    learner, group = make(tiny_model)
    batch = collate(group, CPU.device)
    scores = score(learner.model, batch, temperature=1.0, dtype=torch.float32)
    for row, sequence in zip(batch.gather(scores.logprobs), group, strict=True):
        torch.testing.assert_close(row, torch.tensor(sequence.logprobs), atol=1e-5, rtol=0)
    assert not scores.entropy.requires_grad
    ids = torch.tensor([group[2].prompt_ids])
    p = learner.model(ids).logits[0, -1].softmax(-1)
    expected = -(p * p.log()).sum().item()
    assert batch.gather(scores.entropy)[2].tolist() == [pytest.approx(expected, abs=1e-5)]


def test_an_update_favours_what_was_better_than_its_group(tiny_model: Path) -> None:
    learner, group = make(tiny_model)
    metrics = learner.update(group, Random(0))
    change = [
        sum(logprobs(learner.model, s.prompt_ids, s.response_ids)) - sum(s.logprobs) for s in group
    ]
    assert change[0] > 0 > sum(change[1:])
    assert metrics["mismatch"] < 1e-6
    assert (metrics["clip_fraction"], metrics["kl"], metrics["skipped"]) == (0.0, 0.0, 0.0)
    assert learner.done == 1


@pytest.mark.parametrize("aggregation", ["token_mean", "sequence_mean", "constant_length"])
def test_the_size_of_micro_batches_does_not_matter(tiny_model: Path, aggregation: str) -> None:
    found = []
    for tokens in (1, 12, 10_000):
        learner, group = make(tiny_model, micro_batch_tokens=tokens, aggregation=aggregation)
        metrics = learner.update(group, Random(0))
        found.append((metrics["loss"], metrics["grad_norm"], metrics["entropy"]))
    assert found[0] == pytest.approx(found[1], abs=1e-6)
    assert found[0] == pytest.approx(found[2], abs=1e-6)


def test_recomputed_and_sampled_denominators_agree_when_the_sampler_is_exact(
    tiny_model: Path,
) -> None:
    found = []
    for source in ("recompute", "sampler"):
        learner, group = make(
            tiny_model, old_logprobs=source, minibatch=2, epochs_per_batch=2, clip_high=0.01
        )
        metrics = learner.update(group, Random(0))
        assert metrics["kl"] > 0
        assert metrics["clip_fraction"] > 0
        found.append(weights(learner))
    torch.testing.assert_close(*found, atol=1e-5, rtol=0)


def test_the_kl_term_holds_the_policy_to_its_start(tiny_model: Path) -> None:
    distance = {}
    for kl in (0.0, 10.0):
        learner, group = make(tiny_model, kl=kl, learning_rate=1e-3)
        start = weights(learner)
        for step in range(20):
            learner.update(group, Random(step))
        distance[kl] = float((weights(learner) - start).norm())
    assert distance[10.0] < 0.7 * distance[0.0]


def test_the_entropy_bonus_raises_entropy(tiny_model: Path) -> None:
    entropies = {}
    for bonus in (0.0, 1.0):
        learner, group = make(tiny_model, entropy_bonus=bonus)
        for step in range(10):
            metrics = learner.update(group, Random(step))
        entropies[bonus] = metrics["entropy"]
    assert entropies[1.0] > entropies[0.0] + 0.1


def test_updates_that_are_not_finite_are_skipped_and_then_an_error(tiny_model: Path) -> None:
    learner, group = make(tiny_model)
    bad = TrainSequence((2,), (3,), (-1.0,), float("nan"))
    before = weights(learner)
    for _ in range(MAX_SKIPPED - 1):
        metrics = learner.update([*group, bad], Random(0))
        assert metrics["skipped"] == 1.0
        assert "grad_norm" not in metrics
    assert torch.equal(weights(learner), before)
    learner.update(group, Random(0))
    assert not torch.equal(weights(learner), before)
    with pytest.raises(TrainingError, match="not finite"):
        for _ in range(MAX_SKIPPED):
            learner.update([bad], Random(0))


def test_a_batch_without_signal_changes_nothing_but_the_schedule(tiny_model: Path) -> None:
    learner, _ = make(tiny_model)
    before = weights(learner)
    assert learner.update([], Random(0)) == {"learning_rate": 1e-2, "skipped": 0.0}
    assert torch.equal(weights(learner), before)
    assert learner.done == 1


def test_the_optimiser_steps_of_a_pass_are_even(tiny_model: Path) -> None:
    learner, group = make(tiny_model, minibatch=3, epochs_per_batch=2)
    phases = learner._phases(len(group), Random(0))
    assert [len(phase) for phase in phases] == [2, 2, 2, 2]
    assert sorted(phases[0] + phases[1]) == sorted(phases[2] + phases[3]) == [0, 1, 2, 3]
    assert learner._phases(0, Random(0)) == []


def test_schedules() -> None:
    def factors(**params: Any) -> list[float]:
        return [rate_factor(done, GrpoParams(steps=4, **params)) for done in range(4)]

    assert factors() == [1.0] * 4
    assert factors(warmup_steps=3) == [0.25, 0.5, 0.75, 1.0]
    assert factors(schedule="linear") == [1.0, 0.75, 0.5, 0.25]
    assert factors(schedule="cosine") == pytest.approx([1.0, 0.8535534, 0.5, 0.1464466])


def test_bfloat16_rounds_but_does_not_break_an_update(tiny_model: Path) -> None:
    learner, group = make(tiny_model)
    low = Device(torch.device("cpu"), torch.bfloat16)
    rough = Learner(load_model(str(tiny_model), low.device), learner.tokenizer, GrpoParams(), low)
    metrics = rough.update(group, Random(0))
    assert 1e-6 < metrics["mismatch"] < 0.1
    assert metrics["skipped"] == 0.0
    assert {p.dtype for p in rough.model.parameters()} == {torch.float32}
