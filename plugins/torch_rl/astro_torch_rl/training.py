"""One training step: sample, verify, update, and pass the new weights to the sampler."""

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
from astro.types import FinishReason, Problem, State
from astro_hf import adapters
from astro_torch_rl.advantage import Advantage
from astro_torch_rl.batches import minibatches
from astro_torch_rl.critic import Critic
from astro_torch_rl.experience import Experience
from astro_torch_rl.learner import Learner
from astro_torch_rl.losses import overlong_penalty
from astro_torch_rl.optimizer import rate_factor
from astro_torch_rl.params import TrainParams
from astro_torch_rl.problem_selection import shuffled
from astro_torch_rl.rollout_metrics import rollout_metrics
from astro_torch_rl.rollouts import Group, Rollouts, Sampler, check, collect


@dataclass(frozen=True, slots=True)
class Models:
    """The models that are trained: the policy, and the critic if there is one."""

    learner: Learner
    critic: Critic | None = None


@dataclass(frozen=True, slots=True)
class Training:
    """Everything that a step needs. `sampler` samples from `policy`, which gets new weights.

    What a step draws at random depends only on the seed and on the number of the step.
    """

    params: TrainParams
    advantage: Advantage
    step_format: StepFormat
    problems: Sequence[Problem]
    policy: TrainablePolicy
    sampler: Sampler
    models: Models

    def step(self, step: int) -> dict[str, float]:
        """Do step number `step`, from 1, and return its metrics.

        `silent` is 1 where all rewards of the responses that are trained on are equal.
        """
        rollouts = self._rollouts(step)
        started = time.perf_counter()
        sequences = self._sequences(rollouts)
        updated = self._learn(sequences, step)
        self.synchronize()
        return {
            **rollout_metrics(rollouts, self.step_format),
            "silent": float(len({sequence.reward for sequence in sequences}) < 2),
            **updated,
            **_speed(rollouts, time.perf_counter() - started),
        }

    def synchronize(self) -> None:
        """Load the learner's weights into the policy."""
        self.policy.reload(adapters.merged(self.models.learner.model).items())

    def _rollouts(self, step: int) -> Rollouts:
        rollouts = collect(
            self.sampler,
            str(step),
            shuffled(self.problems, self.sampler.seed, step),
            groups=self.params.prompts_per_step,
            n=self.params.group_size,
            refills=self.advantage.max_refills,
            enough=self.advantage.learns_from,
        )
        check(rollouts)
        return rollouts

    def _sequences(self, rollouts: Rollouts) -> list[TrainingSample]:
        return [
            sequence
            for number, group in enumerate(rollouts.groups)
            if self.advantage.learns_from(group)
            for sequence in self._group(number, group)
        ]

    def _group(self, number: int, group: Group) -> list[TrainingSample]:
        prompt = self.policy.prompt_ids(State(group.problem).prompt)
        masked = {FinishReason.LENGTH} if self.params.mask_truncated else set()
        return [
            TrainingSample.sampled(
                prompt,
                *_tokens(sample),
                sample.verdict.reward - self._overlong(sample),
                group=number,
                trained=sample.finish_reason not in masked,
            )
            for sample in group.judged
            if sample.token_ids or sample.finish_reason is not FinishReason.LENGTH  # no room left
        ]

    def _overlong(self, sample: Sample) -> float:
        """What the length of a response takes off its reward."""
        length, limit, rule = len(sample.token_ids), self.params.max_tokens, self.params.overlong
        return rule.penalty * overlong_penalty(length, limit, rule.buffer) if rule else 0.0

    def _learn(self, sequences: Sequence[TrainingSample], step: int) -> dict[str, float]:
        params, (learner, critic) = self.params, (self.models.learner, self.models.critic)
        rng = Random(derive(self.sampler.seed, "minibatches", step))
        size = sum(any(sequence.loss_mask) for sequence in sequences)
        order = minibatches(size, params.minibatch, params.epochs_per_batch, rng)
        experience = self._experience(sequences, len(order))
        metrics: dict[str, float] = {}
        if critic and experience:
            metrics |= critic.update(experience, order, self._rate(step - 1, params.steps))
        alone = self.advantage.critic.pretraining_steps if self.advantage.critic else 0
        if step > alone:
            rate = self._rate(step - 1 - alone, params.steps - alone)
            metrics |= learner.update(experience, order, rate)
        return metrics

    def _experience(self, sequences: Sequence[TrainingSample], updates: int) -> list[Experience]:
        """The experience of samples with loss tokens; the others count in baselines only."""
        if not sequences:
            return []
        learner, critic = self.models.learner, self.models.critic
        logprobs = learner.precompute_logprobs(sequences, updates)
        values = critic.values(sequences) if critic else []
        found = self.advantage.experience(sequences, logprobs, values)
        return [experience for experience in found if any(experience.sequence.loss_mask)]

    def _rate(self, done: int, steps: int) -> float:
        return rate_factor(done, steps, self.params.schedule, self.params.warmup_steps)


def _tokens(sample: Sample) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The sampled ids and their logprobs. Raises `TrainingError` if they are missing."""
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
