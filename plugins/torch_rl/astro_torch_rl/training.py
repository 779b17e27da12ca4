"""One step: sample, verify, learn, hand the new weights back to the sampler."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import torch

from astro.errors import TrainingError
from astro.interfaces import StepFormat, TrainablePolicy
from astro.sampling import Sample
from astro.seeds import derive
from astro.types import FinishReason, Problem, Prompt
from astro_torch_rl.batches import TrainSequence
from astro_torch_rl.learner import Learner
from astro_torch_rl.losses import group_advantages
from astro_torch_rl.measures import rollout_metrics
from astro_torch_rl.params import GrpoParams
from astro_torch_rl.prompts import shuffled
from astro_torch_rl.rollouts import Group, Rollouts, Sampler, check, collect


@dataclass(frozen=True, slots=True)
class Training:
    """Everything that a step needs. `sampler` samples from `policy`, which follows the learner.

    What a step draws depends on the seed and the step's number alone.
    """

    params: GrpoParams
    step_format: StepFormat
    problems: Sequence[Problem]
    policy: TrainablePolicy
    sampler: Sampler
    learner: Learner

    def step(self, step: int) -> dict[str, float]:
        """Do step number `step`, from 1, and return its metrics."""
        rollouts = self._rollouts(step)
        started = time.perf_counter()
        rng = Random(derive(self.sampler.seed, "minibatches", step))
        updated = self.learner.update(self._sequences(rollouts), rng)
        self.synchronise()
        metrics = {**rollout_metrics(rollouts, self.step_format), **updated}
        return {**metrics, **_speed(rollouts, time.perf_counter() - started)}

    def synchronise(self) -> None:
        """Give the policy the learner's weights."""
        self.policy.reload(self.learner.model.state_dict().items())

    def _rollouts(self, step: int) -> Rollouts:
        rollouts = collect(
            self.sampler,
            str(step),
            shuffled(self.problems, self.sampler.seed, step),
            groups=self.params.prompts_per_step,
            n=self.params.group_size,
            refills=self.params.max_refills,
        )
        check(rollouts, self.params.max_faults)
        return rollouts

    def _sequences(self, rollouts: Rollouts) -> list[TrainSequence]:
        return [
            sequence
            for group in rollouts.groups
            if group.has_signal
            for sequence in self._with_advantages(group)
        ]

    def _with_advantages(self, group: Group) -> list[TrainSequence]:
        """A group's judged samples; those that are masked count in the baseline all the same."""
        prompt = self.policy.prompt_ids(Prompt(group.problem.prompt))
        rewards = torch.tensor([[sample.verdict.reward for sample in group.judged]])
        advantages = group_advantages(rewards, self.params.normalize_std)[0].tolist()
        masked = {FinishReason.LENGTH} if self.params.mask_truncated else set()
        return [
            TrainSequence(prompt, *_tokens(sample), advantage)
            for sample, advantage in zip(group.judged, advantages, strict=True)
            if sample.finish_reason not in masked
        ]


def _tokens(sample: Sample) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The ids and log-probabilities as sampled. Raises `TrainingError` if they are not there."""
    if not sample.token_ids or len(sample.token_ids) != len(sample.logprobs):
        raise TrainingError(
            "the policy gave a response without its tokens and their log-probabilities",
            "use one that does, such as policy.name=transformers",
        )
    return sample.token_ids, sample.logprobs


def _speed(rollouts: Rollouts, train_seconds: float) -> dict[str, float]:
    """Seconds by phase, and sampled tokens per second of the whole step."""
    tokens = sum(len(s.token_ids) for group in rollouts.groups for s in group.samples)
    seconds = {
        "seconds/rollout": rollouts.rollout_seconds,
        "seconds/verify": rollouts.verify_seconds,
        "seconds/train": train_seconds,
    }
    return {**seconds, "tokens/s": tokens / sum(seconds.values())}
