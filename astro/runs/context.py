"""The context of a run, which is passed to every stage."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from astro.config.run import BASE, RunConfig
from astro.config.stages import AnyStage, evaluated_models
from astro.data import problem_sets
from astro.engine.budget import Budget
from astro.engine.executor import Executor, ExecutorJob, HasUsage
from astro.engine.journal import Journal
from astro.engine.tasks import Outcome, Task
from astro.errors import ProblemError, RunError, VerifierError
from astro.events import (
    Listener,
    Notice,
    ProblemFailed,
    StageFinished,
    StageProgress,
    StageStarted,
    ignore,
)
from astro.files import encode, encode_row, read_json
from astro.interfaces import OnStep, StepFormat
from astro.plugins.binding import Binding, PromptConfig
from astro.plugins.registry import Registry
from astro.requests import POLICY
from astro.runs.folder import RunFolder
from astro.types import Problem

T = TypeVar("T")
Usage = Mapping[str, Mapping[str, float]]
"""Role -> name of a counter -> its value."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """The locked folder of a run, its config, and methods that run programs.

    Objects that a run needs more than once are built or loaded only once.

    Attributes:
        config: The config of the run.
        folder: The folder of the run.
        registry: The plugins to use.
        journal: The journal in the folder.
        on_event: The listener of events.
        stages: The stages of the run in order.
        sft_tokens: The number of loss tokens of fine-tuning; None for that of the config.
        locked: Whether the folder is locked, so that its manifest may be written.
    """

    config: RunConfig
    folder: RunFolder
    registry: Registry
    journal: Journal
    on_event: Listener
    stages: Sequence[AnyStage] = ()
    sft_tokens: int | None = None
    locked: bool = True
    _made: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return the result of `make`, which is called only for the first request of `name`."""
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    def step_format(self) -> StepFormat:
        """Return the step format of the config."""
        build = partial(self.registry.build, "step_format", self.config.step_format)
        step_format: StepFormat = self.once("step_format", build)
        return step_format

    def evaluated(self) -> list[str]:
        """Return the names of the models that the run evaluates."""
        return evaluated_models(self.config, self.stages)

    def held_out(self) -> list[problem_sets.HeldOut]:
        """Return the evaluation sets of the run.

        Raises:
            ProblemError: A set cannot be loaded.
        """
        return problem_sets.held_out(self.config, self._loader())

    @contextmanager
    def started(self, stage: str, total: int, unit: str, done: int = 0) -> Iterator[None]:
        """Emit `StageStarted` for a stage or a part of it, and `StageFinished` after the block."""
        began = time.monotonic()
        self.on_event(StageStarted(stage, total, unit, done))
        yield
        self.on_event(StageFinished(stage, time.monotonic() - began))

    def training_problems(self) -> list[Problem]:
        """Return the problems of `train` without those that decontamination removes.

        The removed problems are listed in decontamination.json. Those that `format_sft` trains on
        are left out as well.

        Raises:
            ProblemError: The problems cannot be loaded, or none is left.
        """
        return self._divided()[0]

    def taught_problems(self) -> list[Problem]:
        """Return the problems of `train` whose solutions `format_sft` trains on.

        Raises:
            ProblemError: The problems cannot be loaded, or none is left to search.
        """
        return self._divided()[1]

    def _divided(self) -> tuple[list[Problem], list[Problem]]:
        """The problems to search and to train on, and the last ones, for `format_sft`."""
        problems = self.once("training_problems", self._decontaminated)
        taught = self.config.format_sft.problems if self.config.format_sft else 0
        left = len(problems) - taught
        if left < 1:
            raise ProblemError(
                f"format_sft.problems: {taught} of {len(problems)} training problems leave none "
                "to search",
                "take fewer, or load more",
            )
        return problems[:left], problems[left:]

    def _decontaminated(self) -> list[Problem]:
        problems, decontamination = problem_sets.training(self.config, self._loader())
        if decontamination:
            self.folder.write_json(self.folder.decontamination, decontamination)
            self.on_event(Notice(decontamination.line()))
        return problems

    def _loader(self) -> problem_sets.ProblemLoader:
        check = self._check_set if self.locked else None
        make = partial(problem_sets.ProblemLoader, self.registry, self.config.verifier, check)
        return self.once("loader", make)

    def check_problems(self) -> None:
        """Check that the problem sets that the run has used are still the same.

        A set that cannot be loaded is left to the stages that need it.

        Raises:
            RunError: A set has changed.
        """
        evaluated = self.config.evaluate
        splits = [(self.config.problems, "train"), (self.config.problems, evaluated.split)]
        sets = [(held, held.split or evaluated.split) for held in evaluated.sets.values()]
        for binding, split in splits + sets:
            load = self._loader()
            if self.folder.manifest.problems(load.set_name(binding, split)):
                try:
                    load(binding, split)
                except RunError:
                    raise
                except Exception:  # the source may be gone, and finished results stand without it
                    continue

    def _check_set(self, name: str, problems: Sequence[Problem]) -> None:
        """Compare a problem set with what the run began with. Raises `RunError`."""
        content = blake2b(digest_size=16)
        for problem in problems:
            parts = (problem.id, problem.prompt, problem.answer, problem.metadata)
            content.update(encode(parts) + b"\n")
        digest, known = content.hexdigest(), self.folder.manifest.problems(name)
        if known not in (None, digest) and self.journal.holds(""):
            raise RunError(
                f"the problems of {name.rpartition(' ')[0]} have changed since {self.folder.root} "
                "was begun",
                "restore them, or choose another name, as with --set name=NAME",
            )
        if known != digest:
            self.folder.manifest.record_problems(name, digest)

    def prompt(self, stage: str = "") -> PromptConfig:
        """Return how the base model is asked in a stage or, by default, how trained models are.

        Chat templates read the time of the run, in every process and when it is resumed.
        """
        prompt = self.config.prompt.of_stage(stage)
        if prompt.now is None:
            now = self.once("now", partial(self.folder.manifest.time, record=self.locked))
            return prompt.model_copy(update={"now": now})
        return prompt

    def policy(self, model: str, stage: str = "") -> Binding:
        """Return the policy with the weights of `model` and the `prompt` of the config.

        The base model is asked as in the stage.
        """
        prompt = self.prompt(stage if model == BASE else "")
        policy = self.registry.with_prompt(self.config.policy, prompt)
        if model == BASE and not self.config.format_sft:
            return policy
        return policy.with_params(model=str(self.folder.checkpoint(model)))

    def on_step(self, stage: str) -> OnStep:
        """Return a callback that reports a trainer's progress as that of `stage`."""

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
        per: Mapping[str, str] | None = None,
        budget: Budget | None = None,
    ) -> None:
        """Run the tasks whose outcomes are not in the journal yet, and write their outcomes to it.

        `fields` returns the metrics of a result. Progress events contain their running means, by
        task or, for a metric of `per`, by unit of the metric that it names.

        Raises:
            RunError: The share of failed tasks exceeds `max_failed`.
            VerifierError: Too many verdicts are faults. A resumed run requests them again.
        """
        finished = {task for task, failure, _ in self.journal.outcomes(f"{stage}/") if not failure}
        todo = [task for task in tasks if task.key not in finished]
        executor = self.executor()
        usage = partial(_usage, executor)
        with self.started(stage, len(tasks), unit, len(finished)):
            progress = _Progress(stage, len(tasks), len(finished), self.on_event, usage, per or {})
            try:
                for outcome in self.outcomes(executor, todo, policy, budget or Budget()):
                    result = None if outcome.failure else encode_row(outcome.result)
                    self.journal.finish(outcome.key, result, outcome.failure, outcome.tokens)
                    progress.advance(outcome, {} if outcome.failure else fields(outcome.result))
                    self._check_failed(stage, progress, len(tasks), outcome)
            except VerifierError:
                self.journal.forget_faults(f"{stage}/")
                raise
            finally:
                self._write_failures()
                self.add_usage(stage, usage())

    def _check_failed(self, stage: str, progress: _Progress, total: int, last: Outcome) -> None:
        """Raise `RunError` if the share of failed tasks exceeds `max_failed`."""
        if progress.failed > self.config.max_failed * total:
            raise RunError(
                f"{stage}: {progress.failed} of {total} problems failed, more than "
                f"max_failed allows ({self.config.max_failed:g}); last: {last.failure}"
            )

    def executor(self) -> Executor:
        """Build the executor of the config."""
        executor: Executor = self.registry.build(
            "executor", self.config.executor, registry=self.registry
        )
        return executor

    def outcomes(
        self, executor: Executor, tasks: Sequence[Task[Any]], policy: Binding, budget: Budget
    ) -> Iterator[Outcome]:
        """Run `tasks`, and yield their outcomes in the order in which they finish."""
        job = ExecutorJob(
            models={POLICY: policy, **self.config.models},
            verifier=self.config.verifier,
            journal=self.journal,
            budget=budget,
            seed=self.config.seed,
        )
        return executor.run(tasks, job)

    def results(self, keys: Iterable[str]) -> Iterator[bytes]:
        """Yield the results in the journal in the order of `keys`, without failed tasks."""
        return (result for key in keys if (result := self.journal.result(key)) is not None)

    def add_usage(self, stage: str, counted: Usage) -> None:
        """Add a stage's counters to those in usage.json.

        The policy's counters are under the stage's name, those of other roles under `stage@role`.
        """
        usage = self.usage()
        for role, counters in counted.items():
            key = stage if role == POLICY else f"{stage}@{role}"
            total = Counter(usage.get(key, {}))
            total.update(counters)
            if total:
                counts = {name: float(value) for name, value in total.items()}
                usage[key] = {n: int(v) if v.is_integer() else v for n, v in counts.items()}
        if usage:
            self.folder.write_json(self.folder.usage, usage)

    def usage(self) -> dict[str, dict[str, float]]:
        """Return the counters in usage.json.

        A damaged file is set aside, so that bookkeeping stops no run.
        """
        path = self.folder.usage
        if not path.exists():
            return {}
        try:
            return read_json(path, dict[str, dict[str, int | float]])
        except RunError as error:
            self.folder.set_aside(path)
            self.on_event(Notice(f"{error}; it is set aside, and the counters begin anew"))
            return {}

    def _write_failures(self) -> None:
        """List every failed problem of the run with its reason."""
        outcomes = self.journal.outcomes("")
        rows = [{"task": task, "reason": failure} for task, failure, _ in outcomes if failure]
        self.folder.write_lines(self.folder.failures, rows)


@contextmanager
def scratch(
    config: RunConfig, folder: RunFolder, registry: Registry, on_event: Listener = ignore
) -> Iterator[RunContext]:
    """Yield the context of a run without a lock, whose journal is deleted at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="astro-") as root,
        closing(Journal(RunFolder(Path(root)).journal)) as journal,
    ):
        yield RunContext(config, folder, registry, journal, on_event, locked=False)


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
    per: Mapping[str, str]
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
        counts = {
            name: self.sums[self.per[name]] if name in self.per else self.seen for name in self.sums
        }
        fields = {name: total / max(1, counts[name]) for name, total in self.sums.items()}
        if self.tokens:
            fields["tokens/s"] = self.tokens / (time.monotonic() - self.began)
        usage = self.usage()
        policy = usage.get(POLICY, {})
        if policy.get("prompt_tokens"):
            fields["prefix hits"] = policy.get("cached_prompt_tokens", 0) / policy["prompt_tokens"]
        costs = [counters["cost"] for counters in usage.values() if "cost" in counters]
        return fields | {"cost": sum(costs)} if costs else fields
