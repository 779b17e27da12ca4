"""The context of a run, which every stage is given."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from astro.config.run import BASE, RunConfig
from astro.config.stages import AnyStage, evaluated_models
from astro.data import problem_sets
from astro.engine.budget import Budget
from astro.engine.executor import Executor, ExecutorJob, HasUsage
from astro.engine.journal import Journal
from astro.engine.tasks import Outcome, Task
from astro.errors import RunError, VerifierError
from astro.events import (
    Listener,
    Notice,
    ProblemFailed,
    StageFinished,
    StageProgress,
    StageStarted,
    ignore,
)
from astro.files import encode_row, read_json, write_json, write_lines
from astro.interfaces import OnStep, StepFormat
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro.requests import POLICY
from astro.runs.folder import RunFolder
from astro.types import Problem

T = TypeVar("T")
Usage = Mapping[str, Mapping[str, float]]
"""Counters by role."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """A run's locked folder, its config, and the means to run programs.

    `stages` are those of the run in their order. `sft_tokens` is how many loss tokens fine-tuning
    takes where the config does not say. What a run needs more than once is built or loaded once.
    """

    config: RunConfig
    folder: RunFolder
    registry: Registry
    journal: Journal
    on_event: Listener
    stages: Sequence[AnyStage] = ()
    sft_tokens: int | None = None
    _made: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """The result of `make`, which is called only the first time that `name` is requested."""
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    def step_format(self) -> StepFormat:
        """The step format of the config."""
        build = partial(self.registry.build, "step_format", self.config.step_format)
        step_format: StepFormat = self.once("step_format", build)
        return step_format

    def evaluated(self) -> list[str]:
        """The models that the run evaluates."""
        return evaluated_models(self.config, self.stages)

    def held_out(self) -> list[problem_sets.HeldOut]:
        """The sets of problems that the run evaluates on. Raises `ProblemError`."""
        return problem_sets.held_out(self.config, self._loader())

    @contextmanager
    def started(self, stage: str, total: int, unit: str, done: int = 0) -> Iterator[None]:
        """Emit that a stage or a part of it has started and, after the block, has finished."""
        began = time.monotonic()
        self.on_event(StageStarted(stage, total, unit, done))
        yield
        self.on_event(StageFinished(stage, time.monotonic() - began))

    def training_problems(self) -> list[Problem]:
        """The problems of `train` without those that decontamination leaves out.

        decontamination.json lists what was left out.

        Raises `ProblemError`.
        """
        return self.once("training_problems", self._decontaminated)

    def _decontaminated(self) -> list[Problem]:
        problems, decontamination = problem_sets.training(self.config, self._loader())
        if decontamination:
            write_json(self.folder.decontamination, decontamination)
            self.on_event(Notice(decontamination.line()))
        return problems

    def _loader(self) -> problem_sets.ProblemLoader:
        return self.once("loader", partial(problem_sets.ProblemLoader, self.registry))

    def policy(self, model: str) -> Binding:
        """The configured policy with the config's `prompt`, and the checkpoint of `model`."""
        policy = self.registry.with_prompt(self.config.policy, self.config.prompt)
        if model == BASE:
            return policy
        return policy.with_params(model=str(self.folder.checkpoint(model)))

    def on_step(self, stage: str) -> OnStep:
        """A trainer's progress as the progress of `stage`."""

        def forward(done: int, total: int, metrics: Mapping[str, float]) -> None:
            self.on_event(StageProgress(stage, done, total, metrics))

        return forward

    def run_tasks(
        self,
        stage: str,
        unit: str,
        tasks: Sequence[Task[Any]],
        *,
        policy: Binding,
        fields: Callable[[Any], Mapping[str, float]],
        budget: Budget | None = None,
    ) -> None:
        """Run the tasks whose outcomes are not in the journal yet, and record their outcomes there.

        `fields` returns the metrics of a result, whose running means are shown.

        Raises:
            RunError: The share of failed tasks exceeds `max_failed`.
            VerifierError: Too many verdicts are faults. They are requested again on resuming.
        """
        finished = {task for task, failure, _ in self.journal.outcomes(f"{stage}/") if not failure}
        todo = [task for task in tasks if task.key not in finished]
        executor = self.executor()
        usage = partial(_usage, executor)
        began = time.monotonic()
        self.on_event(StageStarted(stage, len(tasks), unit, len(finished)))
        progress = _Progress(stage, len(tasks), len(finished), self.on_event, usage)
        try:
            for outcome in self.outcomes(executor, todo, policy, budget or Budget()):
                result = None if outcome.failure else encode_row(outcome.result)
                self.journal.finish(outcome.key, result, outcome.failure, outcome.tokens)
                progress.advance(outcome, {} if outcome.failure else fields(outcome.result))
                if progress.failed > self.config.max_failed * len(tasks):
                    raise RunError(
                        f"{stage}: {progress.failed} of {len(tasks)} problems failed, more than "
                        f"max_failed allows ({self.config.max_failed:g}); last: {outcome.failure}"
                    )
        except VerifierError:
            self.journal.forget_faults(f"{stage}/")
            raise
        finally:
            self._write_failures()
            self._add_usage(stage, usage())
        self.on_event(StageFinished(stage, time.monotonic() - began))

    def executor(self) -> Executor:
        executor: Executor = self.registry.build(
            "executor", self.config.executor, registry=self.registry
        )
        return executor

    def outcomes(
        self, executor: Executor, tasks: Sequence[Task[Any]], policy: Binding, budget: Budget
    ) -> Iterator[Outcome]:
        """Run `tasks` to their outcomes, in no particular order."""
        job = ExecutorJob(
            models={POLICY: policy, **self.config.models},
            verifier=self.config.verifier,
            journal=self.journal,
            budget=budget,
            seed=self.config.seed,
        )
        return executor.run(tasks, job)

    def results(self, keys: Iterable[str]) -> Iterator[bytes]:
        """The results in the journal in the order of `keys`, without failed tasks."""
        return (result for key in keys if (result := self.journal.result(key)) is not None)

    def _add_usage(self, stage: str, counted: Usage) -> None:
        """Add a stage's counters to those in usage.json.

        The policy's are under the stage's name, and those of other roles under `stage@role`.
        """
        path = self.folder.usage
        usage = read_json(path, dict[str, dict[str, float]]) if path.exists() else {}
        for role, counters in counted.items():
            key = stage if role == POLICY else f"{stage}@{role}"
            total = Counter(usage.get(key, {}))
            total.update(counters)
            if total:
                usage[key] = dict(total)
        if usage:
            write_json(path, usage)

    def _write_failures(self) -> None:
        """List every failed problem of the run with its reason."""
        outcomes = self.journal.outcomes("")
        rows = [{"task": task, "reason": failure} for task, failure, _ in outcomes if failure]
        write_lines(self.folder.failures, rows)


@contextmanager
def scratch(config: RunConfig, folder: RunFolder, registry: Registry) -> Iterator[RunContext]:
    """A run without a locked folder, whose journal is deleted at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="astro-") as root,
        closing(Journal(RunFolder(Path(root)).journal)) as journal,
    ):
        yield RunContext(config, folder, registry, journal, ignore)


def _usage(executor: Executor) -> Usage:
    return executor.usage() if isinstance(executor, HasUsage) else {}


@dataclass(slots=True)
class _Progress:
    """Turns outcomes into progress events with running means."""

    stage: str
    total: int
    done: int
    listener: Listener
    usage: Callable[[], Usage]
    began: float = field(default_factory=time.monotonic)
    tokens: int = 0
    sums: Counter[str] = field(default_factory=Counter)
    seen: int = 0
    failed: int = 0

    def advance(self, outcome: Outcome, fields: Mapping[str, float]) -> None:
        self.done += 1
        self.tokens += outcome.tokens
        if outcome.failure:
            self.failed += 1
            problem_id = outcome.key.removeprefix(f"{self.stage}/")
            self.listener(ProblemFailed(self.stage, problem_id, outcome.failure))
        else:
            self.seen += 1
            self.sums.update(fields)
        self.listener(StageProgress(self.stage, self.done, self.total, self._fields()))

    def _fields(self) -> dict[str, float]:
        fields = {name: total / self.seen for name, total in self.sums.items()}
        if self.tokens:
            fields["tokens/s"] = self.tokens / (time.monotonic() - self.began)
        usage = self.usage()
        policy = usage.get(POLICY, {})
        if policy.get("prompt_tokens"):
            fields["prefix hits"] = policy.get("cached_prompt_tokens", 0) / policy["prompt_tokens"]
        costs = [counters["cost"] for counters in usage.values() if "cost" in counters]
        return fields | {"cost": sum(costs)} if costs else fields
