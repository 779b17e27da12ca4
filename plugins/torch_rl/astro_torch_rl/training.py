"""One step: sample, verify, learn, hand the new weights back to the sampler."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from astro.data.samples import TrainingSample
from astro.engine.sampling import Sample
from astro.errors import TrainingError
from astro.interfaces import StepFormat, TrainablePolicy
from astro.seeds import derive
from astro.types import FinishReason, Problem, Prompt
from astro_torch_rl import adapters
from astro_torch_rl.batches import minibatches
from astro_torch_rl.critic import Critic
from astro_torch_rl.experience import Experience, by_critic, by_group
from astro_torch_rl.learner import Learner
from astro_torch_rl.measures import rollout_metrics
from astro_torch_rl.optimiser import rate_factor
from astro_torch_rl.params import GrpoParams, PpoParams
from astro_torch_rl.prompts import shuffled
from astro_torch_rl.rollouts import Group, Rollouts, Sampler, check, collect


@dataclass(frozen=True, slots=True)
class Models:
    """What is trained: the policy, and with PPO its critic."""

    learner: Learner
    critic: Critic | None = None


@dataclass(frozen=True, slots=True)
class Training:
    """Everything that a step needs. `sampler` samples from `policy`, which follows the learner.

    What a step draws depends on the seed and the step's number alone.
    """

    params: GrpoParams | PpoParams
    step_format: StepFormat
    problems: Sequence[Problem]
    policy: TrainablePolicy
    sampler: Sampler
    models: Models

    def step(self, step: int) -> dict[str, float]:
        """Do step number `step`, from 1, and return its metrics.

        `silent` is 1 where no two rewards that are learnt from differ.
        """
        rollouts = self._rollouts(step)
        started = time.perf_counter()
        sequences = self._sequences(rollouts)
        updated = self._learn(sequences, step)
        self.synchronise()
        return {
            **rollout_metrics(rollouts, self.step_format),
            "silent": float(len({sequence.reward for sequence in sequences}) < 2),
            **updated,
            **_speed(rollouts, time.perf_counter() - started),
        }

    def synchronise(self) -> None:
        """Give the policy the learner's weights."""
        self.policy.reload(adapters.merged(self.models.learner.model).items())

    def _rollouts(self, step: int) -> Rollouts:
        rollouts = collect(
            self.sampler,
            str(step),
            shuffled(self.problems, self.sampler.seed, step),
            groups=self.params.prompts_per_step,
            n=self.params.group_size,
            refills=self.params.max_refills if isinstance(self.params, GrpoParams) else 0,
        )
        check(rollouts)
        return rollouts

    def _sequences(self, rollouts: Rollouts) -> list[TrainingSample]:
        """Without a critic, a group without a signal teaches nothing."""
        return [
            sequence
            for number, group in enumerate(rollouts.groups)
            if self.models.critic or group.has_signal
            for sequence in self._group(number, group)
        ]

    def _group(self, number: int, group: Group) -> list[TrainingSample]:
        prompt = self.policy.prompt_ids(Prompt(group.problem.prompt))
        masked = {FinishReason.LENGTH} if self.params.mask_truncated else set()
        return [
            TrainingSample.sampled(
                prompt,
                *_tokens(sample),
                sample.verdict.reward,
                group=number,
                trained=sample.finish_reason not in masked,
            )
            for sample in group.judged
            if sample.token_ids or sample.finish_reason is not FinishReason.LENGTH  # no room left
        ]

    def _learn(self, sequences: Sequence[TrainingSample], step: int) -> dict[str, float]:
        params, (learner, critic) = self.params, (self.models.learner, self.models.critic)
        rng = Random(derive(self.sampler.seed, "minibatches", step))
        size = sum(any(sequence.loss_mask) for sequence in sequences)
        order = minibatches(size, params.minibatch, params.epochs_per_batch, rng)
        experience = self._experience(sequences, len(order))
        metrics: dict[str, float] = {}
        if critic and experience:
            metrics |= critic.update(experience, order, self._rate(step - 1, params.steps))
        if step > self._pretraining:
            rate = self._rate(step - 1 - self._pretraining, params.steps - self._pretraining)
            metrics |= learner.update(experience, order, rate)
        return metrics

    def _experience(self, sequences: Sequence[TrainingSample], updates: int) -> list[Experience]:
        """Return the experience of those `sequences` that are trained on; all count in the baseline
        of their group."""
        if not sequences:
            return []
        params, critic = self.params, self.models.critic
        known = self.models.learner.know(sequences, updates)
        if isinstance(params, GrpoParams):
            found = by_group(sequences, known, params)
        else:
            assert critic is not None
            found = by_critic(sequences, known, critic.values(sequences), params)
        return [experience for experience in found if any(experience.sequence.loss_mask)]

    def _rate(self, done: int, steps: int) -> float:
        return rate_factor(done, steps, self.params.schedule, self.params.warmup_steps)

    @property
    def _pretraining(self) -> int:
        """Steps at the start that train the critic alone."""
        return self.params.value_pretraining_steps if isinstance(self.params, PpoParams) else 0


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
