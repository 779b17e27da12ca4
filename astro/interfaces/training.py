"""Trainers: supervised fine-tuning and RL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from astro.plugins.binding import Binding, VerifierBinding
from astro.types import Problem

Metrics = Mapping[str, float]
OnStep = Callable[[int, int, Metrics], None]
"""Called with (steps done, steps in all, metrics of the step just done)."""


@dataclass(frozen=True, slots=True)
class TrainResult:
    """A checkpoint that `AutoModelForCausalLM` loads, with its tokenizer, and what it took.

    `note` is a line for the user on how it ended, if that was not as planned.
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
        that many tokens have borne loss, whatever the params' epochs: two arms are compared at
        equal tokens. The result's metrics hold `tokens`, the count that bore loss.
        """


class RLAlgorithm(Protocol):
    """RL with verifiable reward. Coarse, because distributed trainers own their loop."""

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
        """Train `model` on `problems`. `reward` names a verifier that can be built anywhere;
        `policy` names the sampler. Resumes from the last checkpoint in `run_dir`."""


@dataclass(frozen=True, slots=True)
class DryRunReport:
    """What a training would be started with, the files written for it, and what was checked."""

    command: tuple[str, ...]
    files: tuple[Path, ...]
    checks: tuple[str, ...]


@runtime_checkable
class DryRun(Protocol):
    """RL that another program does, and that can be looked at before it is started."""

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
        """All of `RLAlgorithm.train` but the training. Raises as it does."""
