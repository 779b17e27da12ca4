"""Stage 4: RL with verifiable rewards, from the fine-tuned model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from astro.config.run import BASE, RunConfig
from astro.data.problem_sets import with_prompt
from astro.errors import ConfigError, RunError
from astro.events import Notice
from astro.interfaces import DryRun, DryRunReport, RLAlgorithm, RLJob
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro.runs.context import RunContext, scratch
from astro.runs.folder import RunFolder
from astro.seeds import derive

STAGE = "rl"


@dataclass(frozen=True, slots=True)
class RLStage:
    """Trains rl/model from sft/model, or from the base model without fine-tuning."""

    params: None
    name: str
    config: RunConfig
    models: tuple[str, ...] = (STAGE,)

    @property
    def needs(self) -> tuple[str, ...]:
        """The fine-tuning, if the config has one."""
        return ("sft",) if self.config.sft else ()

    def outputs(self, folder: Path) -> list[Path]:
        """The trained model."""
        return [RunFolder(folder).checkpoint(STAGE)]

    def run(self, run: RunContext) -> None:
        """Train the model, and report progress."""
        train(run, _binding(run.config))


def train(run: RunContext, binding: Binding) -> None:
    """Train rl/model from sft/model, or from the base model if there is no fine-tuning.

    Raises:
        AstroError: The algorithm cannot be built, or its training failed.
    """
    algorithm: RLAlgorithm = _build(run, binding)
    with run.started(STAGE, 0, "steps"):
        result = algorithm.train(_job(run, "sft" if run.config.sft else BASE), run.on_step(STAGE))
    if result.note:
        run.on_event(Notice(f"{STAGE}: {result.note}"))


def dry_run(config: RunConfig, runs: Path, registry: Registry) -> tuple[DryRunReport, str]:
    """Return the dry run of the RL of `runs/<name>`, and the name of its start model.

    Nothing is trained. The start model is the base model if the run has no fine-tuned model yet.

    Raises:
        RunError: The algorithm does not start another program.
        AstroError: The dry run failed.
    """
    binding = _binding(config)
    with scratch(config, RunFolder(runs / config.name), registry) as run:
        algorithm = _build(run, binding)
        if not isinstance(algorithm, DryRun):
            raise RunError(
                f"rl {binding.name!r} trains in this process: there is no command to show",
                "--dry-run is for trainers such as openrlhf_grpo",
            )
        tuned = config.sft is not None and run.folder.checkpoint("sft").exists()
        start = "sft" if tuned else BASE
        return algorithm.dry_run(_job(run, start)), start


def _binding(config: RunConfig) -> Binding:
    if config.rl is None:
        raise ConfigError(["rl: missing"])
    return config.rl


def _build(run: RunContext, binding: Binding) -> Any:
    return run.registry.build("rl", binding, step_format=run.step_format())


def _job(run: RunContext, start: str) -> RLJob:
    """The job of the run's RL from the model `start`."""
    policy, step_format = run.policy(start), run.step_format()
    return RLJob(
        [with_prompt(problem, step_format, shots=False) for problem in run.training_problems()],
        model=str(policy.params.get("model", "")),
        policy=policy,
        reward=run.config.reward or run.config.verifier,
        run_dir=run.folder.training(STAGE),
        seed=derive(run.config.seed, STAGE),
        prompt=run.prompt(),
    )
