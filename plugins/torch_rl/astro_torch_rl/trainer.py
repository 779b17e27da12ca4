"""The loop of an RL training with verifiable reward, for any algorithm.

A step samples `group_size` responses to each of `prompts_per_step` prompts, scores each response by
its verdict, and maximizes the clipped surrogate objective. How rewards become advantages is the
algorithm's: see `grpo` and `ppo`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import torch
from transformers import PreTrainedModel

from astro.errors import TrainingError
from astro.interfaces import Backend, OnStep, RLJob, StepFormat, TrainablePolicy, TrainResult
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.models import resolve
from astro.plugins.registry import Registry
from astro.seeds import derive
from astro.verification.pool import VerifierPool
from astro_hf import adapters
from astro_hf.checkpoints import stored_dtype
from astro_hf.metric_log import MetricLog, read_rows
from astro_hf.tokenizers import load_tokenizer
from astro_torch_rl import checkpoint
from astro_torch_rl.advantage import Advantage
from astro_torch_rl.critic import Critic
from astro_torch_rl.device import Device, checkpoint_gradients, load_model, load_trunk
from astro_torch_rl.early_stop import early_stop
from astro_torch_rl.learner import Learner
from astro_torch_rl.params import TrainParams
from astro_torch_rl.problem_selection import filter_by_pass_rate
from astro_torch_rl.rollouts import Sampler
from astro_torch_rl.training import Models, Training


def build_policy(binding: Binding) -> Backend:
    """Build the sampler, from whichever plugin provides it."""
    policy: Backend = Registry.discover().build("policy", binding)
    return policy


class Trainer:
    """An `RLAlgorithm` in one process.

    `advantage` is the strategy of the algorithm. `build_policy` and `build_verifier` build the two
    backends that it needs.
    """

    def __init__(
        self,
        params: TrainParams,
        advantage: Advantage,
        *,
        step_format: StepFormat,
        build_policy: Callable[[Binding], Backend] = build_policy,
        build_verifier: Callable[[VerifierBinding], VerifierPool] = VerifierPool,
    ) -> None:
        self._params = params
        self._advantage = advantage
        self._step_format = step_format
        self._build_policy = build_policy
        self._build_verifier = build_verifier

    def train(self, job: RLJob, on_step: OnStep) -> TrainResult:
        """Train `job.model` into `job.run_dir/model`, which is returned at once if it exists.

        A killed training resumes from its last checkpoint. On a CPU its result then equals that of
        an uninterrupted one.

        Raises:
            TrainingError: The training cannot start or cannot go on.
            VerifierError: Too many verdicts are faults.
            AstroError: The policy or the verifier cannot be built.
        """
        params, run_dir = self._params, job.run_dir
        final, model = run_dir / "model", resolve(job.model)
        if not final.exists():
            run_dir.mkdir(parents=True, exist_ok=True)
            with (
                closing(
                    _trainable(self._build_policy(job.policy.with_params(model=model)))
                ) as backend,
                closing(self._build_verifier(job.reward)) as verifier,
            ):
                sampler = Sampler(
                    backend, verifier, job.seed, params.max_tokens, params.temperature
                )
                chosen = filter_by_pass_rate(job.problems, sampler, params, run_dir)
                models, done = self._load_models(model, run_dir, job.seed)
                training = Training(
                    params, self._advantage, self._step_format, chosen, backend, sampler, models
                )
                self._run_steps(training, done, run_dir, on_step)
                checkpoint.export(final, models.learner, stored_dtype(model) or torch.float32)
        rows = read_rows(run_dir)
        note = early_stop(rows, params.max_silent_steps)
        return TrainResult(final, rows[-1] if rows else {}, note)

    def _run_steps(self, training: Training, done: int, run_dir: Path, on_step: OnStep) -> None:
        """Do the steps after `done`, as long as rewards differ.

        The policy takes the weights anew first, so that it forgets what it computed before, which
        is not the same when a training is resumed.
        """
        params, models = self._params, training.models
        with closing(MetricLog(run_dir, done=done, wandb=params.wandb)) as log:
            training.synchronize()
            while not early_stop(log.rows, params.max_silent_steps) and done < params.steps:
                done += 1
                metrics = training.step(done)
                log.append({"step": done, **metrics})
                if done % params.save_every == 0:
                    checkpoint.save(run_dir, done, models.learner, models.critic)
                on_step(done, params.steps, metrics)

    def _load_models(self, model: str, run_dir: Path, seed: int) -> tuple[Models, int]:
        """The models as of the last checkpoint, if there is one, and the number of its step."""
        params, settings = self._params, self._advantage.critic
        device = Device.choose(params)
        last = checkpoint.latest(run_dir)
        start = model if params.lora or not last else str(last)
        load = partial(load_model, device=device.device, attention=params.attn_implementation)
        learner = Learner(
            _prepared(load(start), params, derive(seed, "adapters")),
            load_tokenizer(model),
            params,
            device,
            reference=load(model) if params.kl else None,
        )
        critic = None
        if settings:
            trunk = load_trunk(model, device.device, params.attn_implementation)
            trunk = _prepared(trunk, params, derive(seed, "critic"))
            critic = Critic(trunk, params, settings, device)
        return Models(learner, critic), checkpoint.restore(last, learner, critic) if last else 0


def _prepared(model: PreTrainedModel, params: TrainParams, seed: int) -> PreTrainedModel:
    """`model`, with adapters and checkpointed gradients if the params want them."""
    if params.lora:
        adapters.attach(model, params.lora, seed)
    if params.gradient_checkpointing:
        checkpoint_gradients(model)
    return model


def _trainable(policy: Backend) -> TrainablePolicy:
    if isinstance(policy, TrainablePolicy):
        return policy
    policy.close()
    raise TrainingError(
        f"policy {type(policy).__name__} cannot take new weights while it runs and report tokens",
        "use one that can, such as policy.name=transformers, or another rl trainer",
    )
