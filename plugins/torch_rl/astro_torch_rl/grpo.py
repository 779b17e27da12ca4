"""Group-relative policy optimisation with verifiable reward (GRPO, arXiv 2402.03300).

A step samples `group_size` responses to each of `prompts_per_step` prompts, scores each response
by its verdict, and ascends the clipped surrogate with advantages relative to the group's mean.
With the default params this is the variant of the ASTRO paper: no KL term, advantages not divided
by the standard deviation, prompts chosen by the start model's pass rate; groups in which all
rewards are equal are replaced, as in DAPO.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from transformers import AutoTokenizer

from astro.binding import Binding, VerifierBinding
from astro.errors import TrainingError
from astro.interfaces import OnStep, PolicyBackend, StepFormat, TrainablePolicy, TrainResult
from astro.models import resolve
from astro.registry import Registry
from astro.types import Problem
from astro.verification import VerifierPool
from astro_torch_rl import checkpoint
from astro_torch_rl.device import Device, load_model, start_dtype
from astro_torch_rl.learner import Learner
from astro_torch_rl.params import GrpoParams
from astro_torch_rl.prompts import teachable
from astro_torch_rl.rollouts import Sampler
from astro_torch_rl.storage import MetricsLog
from astro_torch_rl.training import Training


def build_policy(binding: Binding) -> PolicyBackend:
    """The sampler, from whatever plugin provides it."""
    policy: PolicyBackend = Registry.discover().build("policy", binding)
    return policy


class Grpo:
    """The `rl` named `grpo`. `build_policy` and `build_verifier` make its two partners."""

    def __init__(
        self,
        params: GrpoParams,
        *,
        step_format: StepFormat,
        build_policy: Callable[[Binding], PolicyBackend] = build_policy,
        build_verifier: Callable[[VerifierBinding], VerifierPool] = VerifierPool,
    ) -> None:
        self._params = params
        self._step_format = step_format
        self._build_policy = build_policy
        self._build_verifier = build_verifier

    def train(
        self,
        problems: Sequence[Problem],
        *,
        model: str,
        policy: Binding,
        reward: VerifierBinding,
        run_dir: Path,
        seed: int,
        on_step: OnStep,
    ) -> TrainResult:
        """Train `model`; the result is `run_dir/model`, returned at once if it is there already.

        A killed run goes on from its last checkpoint, and on a CPU ends exactly as an uninterrupted
        one. Raises `TrainingError`, `VerifierError`, and what building policy and verifier raises.
        """
        final, params, model = run_dir / "model", self._params, resolve(model)
        if not final.exists():
            run_dir.mkdir(parents=True, exist_ok=True)
            with (
                closing(_trainable(self._build_policy(policy.with_params(model=model)))) as backend,
                closing(self._build_verifier(reward)) as verifier,
            ):
                sampler = Sampler(backend, verifier, seed, params.max_tokens, params.temperature)
                chosen = teachable(problems, sampler, params, run_dir)
                learner = load_learner(params, model, run_dir)
                training = Training(params, self._step_format, chosen, backend, sampler, learner)
                self._go_on(training, run_dir, on_step)
                checkpoint.export(final, learner, start_dtype(model))
        rows = MetricsLog(run_dir).rows()
        return TrainResult(final, rows[-1] if rows else {})

    def _go_on(self, training: Training, run_dir: Path, on_step: OnStep) -> None:
        """Do the steps that the learner has not done."""
        params, learner = self._params, training.learner
        log = MetricsLog(run_dir)
        log.truncate(learner.done)
        if learner.done:
            training.synchronise()
        for step in range(learner.done + 1, params.steps + 1):
            metrics = training.step(step)
            log.append({"step": step, **metrics})
            if step % params.save_every == 0:
                checkpoint.save(run_dir, learner)
            on_step(step, params.steps, metrics)


def load_learner(params: GrpoParams, model: str, run_dir: Path) -> Learner:
    """A learner of `model`, as of the last checkpoint if there is one. Raises `TrainingError`."""
    device = Device.choose(params)
    last = checkpoint.latest(run_dir)
    learner = Learner(
        load_model(str(last or model), device.device),
        AutoTokenizer.from_pretrained(model),
        params,
        device,
        reference=load_model(model, device.device) if params.kl else None,
    )
    if last:
        checkpoint.restore(last, learner)
    return learner


def _trainable(policy: PolicyBackend) -> TrainablePolicy:
    if isinstance(policy, TrainablePolicy):
        return policy
    policy.close()
    raise TrainingError(
        f"policy {type(policy).__name__} cannot take new weights while it runs and tell its tokens",
        "use one that can, such as policy.name=transformers, or another rl trainer",
    )
