"""A whole run of GRPO or PPO with verifiable reward.

A step samples `group_size` responses to each of `prompts_per_step` prompts, scores each response
by its verdict, and ascends the clipped surrogate.

- `grpo` (arXiv 2402.03300) takes advantages relative to the group's mean. With the default params
  it is the variant of the ASTRO paper: no KL term, advantages not divided by the standard
  deviation, prompts chosen by the start model's pass rate; groups in which all rewards are equal
  are replaced, as in DAPO.
- `ppo` (arXiv 1707.06347) has a critic, and takes generalised advantage estimates.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedModel

from astro.errors import TrainingError
from astro.interfaces import Backend, OnStep, RLJob, StepFormat, TrainablePolicy, TrainResult
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.models import resolve
from astro.plugins.registry import Registry
from astro.seeds import derive
from astro.verification.pool import VerifierPool
from astro_hf.checkpoints import stored_dtype
from astro_hf.metric_log import MetricLog, read_rows
from astro_torch_rl import adapters, checkpoint
from astro_torch_rl.critic import Critic
from astro_torch_rl.device import Device, checkpoint_gradients, load_model, load_trunk
from astro_torch_rl.learner import Learner
from astro_torch_rl.params import GrpoParams, PpoParams
from astro_torch_rl.prompts import teachable
from astro_torch_rl.rollouts import Sampler
from astro_torch_rl.silence import silence
from astro_torch_rl.training import Models, Training


def build_policy(binding: Binding) -> Backend:
    """The sampler, from whatever plugin provides it."""
    policy: Backend = Registry.discover().build("policy", binding)
    return policy


class Trainer:
    """The `rl` named `grpo` or, with a critic, `ppo`: whichever the params are of.

    `build_policy` and `build_verifier` make its two partners.
    """

    def __init__(
        self,
        params: GrpoParams | PpoParams,
        *,
        step_format: StepFormat,
        build_policy: Callable[[Binding], Backend] = build_policy,
        build_verifier: Callable[[VerifierBinding], VerifierPool] = VerifierPool,
    ) -> None:
        self._params = params
        self._step_format = step_format
        self._build_policy = build_policy
        self._build_verifier = build_verifier

    def train(self, job: RLJob, on_step: OnStep) -> TrainResult:
        """Train `job.model` into `job.run_dir/model`, which is returned at once if it is there.

        A killed run goes on from its last checkpoint, and on a CPU ends exactly as an uninterrupted
        one. Raises `TrainingError`, `VerifierError`, and what building policy and verifier raises.
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
                chosen = teachable(job.problems, sampler, params, run_dir)
                models, done = load_models(params, model, run_dir, job.seed)
                training = Training(params, self._step_format, chosen, backend, sampler, models)
                self._go_on(training, done, run_dir, on_step)
                checkpoint.export(final, models.learner, stored_dtype(model))
        rows = read_rows(run_dir)
        note = silence(rows, params.max_silent_steps)
        return TrainResult(final, rows[-1] if rows else {}, note)

    def _go_on(self, training: Training, done: int, run_dir: Path, on_step: OnStep) -> None:
        """Do the steps after `done`, as long as there is something to learn from."""
        params, models = self._params, training.models
        with closing(MetricLog(run_dir, done=done, wandb=params.wandb)) as logs:
            if done:
                training.synchronise()
            while not silence(logs.rows, params.max_silent_steps) and done < params.steps:
                done += 1
                metrics = training.step(done)
                logs.append({"step": done, **metrics})
                if done % params.save_every == 0:
                    checkpoint.save(run_dir, done, models.learner, models.critic)
                on_step(done, params.steps, metrics)


def load_models(
    params: GrpoParams | PpoParams, model: str, run_dir: Path, seed: int
) -> tuple[Models, int]:
    """What is trained, as of the last checkpoint if there is one, and the steps it has had.

    Raises `TrainingError`.
    """
    device = Device.choose(params)
    last = checkpoint.latest(run_dir)
    start = model if params.lora or not last else str(last)
    learner = Learner(
        _prepared(load_model(start, device.device), params, derive(seed, "adapters")),
        AutoTokenizer.from_pretrained(model),
        params,
        device,
        reference=load_model(model, device.device) if params.kl else None,
    )
    critic = None
    if isinstance(params, PpoParams):
        trunk = _prepared(load_trunk(model, device.device), params, derive(seed, "critic"))
        critic = Critic(trunk, params, device)
    return Models(learner, critic), checkpoint.restore(last, learner, critic) if last else 0


def _prepared(model: PreTrainedModel, params: GrpoParams | PpoParams, seed: int) -> PreTrainedModel:
    """`model`, made ready to be trained as the params say."""
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
        f"policy {type(policy).__name__} cannot take new weights while it runs and tell its tokens",
        "use one that can, such as policy.name=transformers, or another rl trainer",
    )
