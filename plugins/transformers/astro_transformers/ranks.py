"""Fine-tuning in several processes, which share every batch. Each process is called a rank.

This module imports no engine: a rank takes seconds to import its own, and starts first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from astro.errors import AstroError, TrainingError
from astro.interfaces import OnStep, SFTJob, TrainResult
from astro.plugins import models
from astro.verification.process import Child
from astro_transformers.params import SFTParams
from astro_transformers.trained import finished

if TYPE_CHECKING:
    from astro_transformers.sft import TransformersSFT

_PATIENCE = 1.0
"""Seconds in which the cause of a rank's error may still arrive from another rank."""


@dataclass(frozen=True, slots=True)
class Rank:
    """One process of a training, and what it trains. Ranks are numbered from 0 to `count` - 1."""

    number: int
    count: int
    params: SFTParams
    job: SFTJob


class RankLost(TrainingError):
    """A rank has ended without a message. The errors of other ranks follow from this one."""


def build(params: SFTParams) -> TransformersSFT | DistributedSFT:
    """Build the fine-tuner, in this process or in several."""
    if params.processes > 1:
        return DistributedSFT(params)
    from astro_transformers.sft import TransformersSFT

    return TransformersSFT(params)


class DistributedSFT:
    """Trains as `TransformersSFT` does, in several processes of this machine.

    A batch is divided among them and the loss is the mean over the tokens of the whole batch, so
    their number affects nothing but speed and rounding.
    """

    def __init__(self, params: SFTParams) -> None:
        self._params = params

    def train(self, job: SFTJob, on_step: OnStep) -> TrainResult:
        """Train into `job.run_dir/model`; see `TransformersSFT.train`.

        Raises:
            PolicyError: The model cannot be loaded.
            TrainingError: As in one process, or a process was killed. The same job resumes.
        """
        if result := finished(job):
            return result
        models.checkpoint(job.model)  # a wrong name starts no process
        count = self._params.processes
        # torch's C++ code warns about what transformers' trainer chooses.
        ranks = [
            Child.start("astro_transformers.rank", TORCH_CPP_LOG_LEVEL="ERROR")
            for _ in range(count)
        ]
        try:
            for number, rank in enumerate(ranks):
                _send(rank, Rank(number, count, self._params, job))
            return _follow(ranks, on_step)
        finally:
            for rank in ranks:
                rank.stop()


def _follow(ranks: Sequence[Child], on_step: OnStep) -> TrainResult:
    """Report the steps of the first rank until all have ended, and return its result."""
    results: list[TrainResult] = []
    training: dict[Any, Child] = {rank.pipe: rank for rank in ranks}
    while training:
        for message, pipe in _messages(training):
            if isinstance(message, Exception):
                del training[pipe]
                raise _cause(message, training)
            if isinstance(message, TrainResult):
                del training[pipe]
                results.append(message)
            elif isinstance(message, int):  # the port at which the first rank awaits the others
                for other in ranks[1:]:
                    _send(other, message)
            else:
                on_step(*message)
    return next(result for result in results if result.metrics)  # that of the first rank


def _send(rank: Child, message: Rank | int) -> None:
    with suppress(OSError):  # what it has died of is read from its pipe
        rank.pipe.send(message)


def _messages(
    ranks: Mapping[Any, Child], seconds: float | None = None
) -> Iterator[tuple[Any, Any]]:
    """Yield the next message of each rank that has one, and its pipe."""
    for pipe in wait(list(ranks), seconds):
        try:
            yield ranks[pipe].pipe.recv(), pipe
        except (EOFError, OSError):
            code = ranks[pipe].process.wait()
            lost = f"a process of the training died (exit code {code})"
            yield RankLost(lost, "run it again: it resumes from its last checkpoint"), pipe


def _cause(error: Exception, others: Mapping[Any, Child]) -> Exception:
    """The error that `error` follows from, if another rank reports one soon; else `error`.

    When a rank ends, the others fail as well, because they no longer reach it.
    """
    if isinstance(error, RankLost):
        return error
    later = [message for message, _ in _messages(others, _PATIENCE)]
    errors = [error, *(message for message in later if isinstance(message, Exception))]
    return max(errors, key=lambda e: isinstance(e, RankLost) + isinstance(e, AstroError))
