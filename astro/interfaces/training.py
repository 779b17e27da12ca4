"""Protocols for trainers: supervised fine-tuning and RL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from astro.plugins.binding import Binding, VerifierBinding
from astro.types import Problem

Metrics = Mapping[str, float]
OnStep = Callable[[int, int, Metrics], None]
"""Called with (finished steps, total steps, metrics of the step that has just finished)."""


@dataclass(frozen=True, slots=True)
class TrainResult:
    """The result of a training.

    `model` is the folder of a checkpoint that `AutoModelForCausalLM` loads, with its tokenizer.
    `note` tells the user in one line how the training ended, if not as planned.
    """

    model: Path
    metrics: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


class SFTTrainer(Protocol):
    """Supervised fine-tuning on traces, with loss on the response only."""

    def train(
        self,
        traces: Path,
        *,
        model: str,
        run_dir: Path,
        seed: int,
        on_step: OnStep,
        tokens: int | None = None,
    ) -> TrainResult:
        """Train `model` on the rows of a traces.jsonl.

        Resumes from the last checkpoint in `run_dir`. `tokens`, if given, ends the training once
        that many loss tokens have been trained on, whatever the params' epochs: two arms are
        compared at equal tokens. The result's metrics hold `tokens`, the number of loss tokens.
        """


class RLAlgorithm(Protocol):
    """RL with verifiable rewards.

    The interface is coarse because distributed trainers own their training loop.
    """

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
        """Train `model` on `problems`, and resume from the last checkpoint in `run_dir`.

        `reward` names the verifier whose verdicts are rewarded, and `policy` the sampler. Both can
        be built in any process.
        """


@dataclass(frozen=True, slots=True)
class DryRunReport:
    """The command that would start a training, the files written for it, and the checks done."""

    command: tuple[str, ...]
    files: tuple[Path, ...]
    checks: tuple[str, ...]


@runtime_checkable
class DryRun(Protocol):
    """An RL algorithm that runs in another program and can be checked before it starts."""

    def dry_run(
        self,
        problems: Sequence[Problem],
        *,
        model: str,
        policy: Binding,
        reward: VerifierBinding,
        run_dir: Path,
        seed: int,
    ) -> DryRunReport:
        """Do everything that `RLAlgorithm.train` does before the training, and raise as it does."""
