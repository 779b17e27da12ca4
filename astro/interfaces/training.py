"""Trainers: supervised fine-tuning and RL with verifiable reward."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from astro.plugins.binding import DEFAULT_PROMPT, Binding, PromptConfig, VerifierBinding
from astro.types import Problem

Metrics = Mapping[str, float]
OnStep = Callable[[int, int, Metrics], None]
"""Called with the number of steps done, the number of all steps, and the last step's metrics."""


@dataclass(frozen=True, slots=True)
class SFTJob:
    """One supervised fine-tuning, as a stage hands it to a trainer.

    Attributes:
        traces: The traces.jsonl to train on.
        model: The model to start from: a folder, a hub name, or the name of a shipped model.
        run_dir: Folder for checkpoints, logs and the trained model. A job whose folder holds
            checkpoints is resumed from the last one.
        seed: Seed of everything that is drawn at random.
        tokens: Number of loss tokens after which training ends, whatever the number of epochs in
            the trainer's params. Two models are compared at equal tokens. None trains for the
            epochs in the params.
        prompt: How prompts are written, as for the policy.
    """

    traces: Path
    model: str
    run_dir: Path
    seed: int
    tokens: int | None = None
    prompt: PromptConfig = DEFAULT_PROMPT


@dataclass(frozen=True, slots=True)
class RLJob:
    """One RL training, as a stage hands it to an algorithm.

    Attributes:
        problems: The training problems, with their prompts written out.
        model: The model to start from: a folder, a hub name, or the name of a shipped model.
        policy: The policy plugin that samples, for algorithms that sample through one.
        reward: The verifier whose verdict is the reward. It can be built in any process.
        run_dir: Folder for checkpoints, logs and the trained model. A job whose folder holds
            checkpoints is resumed from the last one.
        seed: Seed of everything that is drawn at random.
        prompt: How prompts are written. `policy` has it among its params.
    """

    problems: Sequence[Problem]
    model: str
    policy: Binding
    reward: VerifierBinding
    run_dir: Path
    seed: int
    prompt: PromptConfig = DEFAULT_PROMPT


@dataclass(frozen=True, slots=True)
class TrainResult:
    """The outcome of a training.

    Attributes:
        model: Folder of the trained model and its tokenizer, which `AutoModelForCausalLM` loads.
        metrics: Metrics of the training. Those of SFT hold `tokens`, the number of loss tokens.
        note: A line for the user if training did not end as planned; empty otherwise.
    """

    model: Path
    metrics: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


class SFTTrainer(Protocol):
    """Supervised fine-tuning on traces, with loss on the response only."""

    def train(self, job: SFTJob, on_step: OnStep) -> TrainResult:
        """Train `job.model` on the rows of `job.traces`, or resume, or return what is finished."""


class RLAlgorithm(Protocol):
    """RL with verifiable reward. One call trains, because distributed trainers own their loop."""

    def train(self, job: RLJob, on_step: OnStep) -> TrainResult:
        """Train `job.model` on `job.problems`, or resume, or return what is finished."""


@dataclass(frozen=True, slots=True)
class DryRunReport:
    """The command that would be started, the files written for it, and the checks that passed."""

    command: tuple[str, ...]
    files: tuple[Path, ...]
    checks: tuple[str, ...]


@runtime_checkable
class DryRun(Protocol):
    """An RL algorithm run by another program, whose command can be inspected beforehand."""

    def dry_run(self, job: RLJob) -> DryRunReport:
        """Do all of `RLAlgorithm.train` except the training. Raises what it raises."""
