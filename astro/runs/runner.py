"""The chain: problems, trees, traces, SFT, RL, evaluation, report. One stage a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from astro.config.run import RunConfig
from astro.data.problem_sets import held_out
from astro.engine.journal import Journal
from astro.errors import ConfigError, RunError
from astro.events import Listener, StageFinished, ignore
from astro.files import copy_whole
from astro.plugins.registry import Registry
from astro.runs.context import RunContext
from astro.runs.folder import RunFolder
from astro.runs.listeners import broadcast
from astro.runs.stages import evaluate, linearize, report, rl, search, sft

STAGES = ("search", "linearize", "sft", "rl", "evaluate", "report")


@dataclass(frozen=True, slots=True)
class RunResult:
    """Where a run's files are, each model's scores by metric, and responses worth showing."""

    folder: Path
    scores: evaluate.Scores
    examples: list[report.SampleResponse]


@dataclass(frozen=True, slots=True)
class _Stage:
    """A stage, what it leaves behind, and how to run it."""

    name: str
    outputs: Sequence[Path]
    work: Callable[[], None]

    @property
    def done(self) -> bool:
        return all(path.exists() for path in self.outputs)


def run(
    config: RunConfig,
    *,
    runs: str | Path = "runs",
    fresh: bool = False,
    until: str | None = None,
    trees: Path | None = None,
    sft_tokens: int | None = None,
    on_event: Listener = ignore,
) -> RunResult:
    """Run the stages in order, up to `until`, in `runs/<name>`. Stages that are done are skipped.

    A run that was ended at any moment goes on from there, and ends as it would have. `trees` is a
    trees.jsonl that takes the place of a search, `sft_tokens` is for a config without its own.
    What will be evaluated is read before anything else. Raises `AstroError`; nothing is lost by it.
    """
    if until is not None and until not in STAGES:
        raise ConfigError([f"until: expected one of {', '.join(STAGES)}, got {until!r}"])
    if config.rounds is not None:
        raise ConfigError(["rounds: run them by astro.experiments.rounds.run_rounds"])
    with opened(config, runs=Path(runs), fresh=fresh, on_event=on_event) as context:
        if trees is not None and not context.folder.trees.exists():
            copy_whole(trees, context.folder.trees)
        stages = STAGES[: STAGES.index(until or STAGES[-1]) + 1]
        if evaluate.STAGE in stages and config.evaluated() and not context.folder.scores.exists():
            held_out(config, context.registry)
        for stage in _stages(context, config.sft_tokens or sft_tokens):
            if stage.name in stages:
                _carry_out(stage, on_event)
        return _result(context)


@contextmanager
def opened(
    config: RunConfig, *, runs: Path, fresh: bool = False, on_event: Listener = ignore
) -> Iterator[RunContext]:
    """The run in `runs/<name>`, which nobody else has meanwhile. Raises `AstroError`."""
    folder = RunFolder(runs / config.name)
    try:
        with folder.claimed(config, fresh=fresh), closing(Journal(folder.journal)) as journal:
            registry = Registry.discover()
            yield RunContext(config, folder, registry, journal, broadcast(on_event, registry))
    except OSError as error:
        raise RunError(f"{error.filename or folder.root}: {error.strerror or error}") from error


def _stages(context: RunContext, sft_tokens: int | None) -> Iterator[_Stage]:
    folder, config = context.folder, context.config
    arms = [arm for arm, _ in linearize.arms(context)]
    yield _Stage("search", [folder.trees], lambda: search.run(context))
    traces = [folder.traces(arm) for arm in arms]
    yield _Stage("linearize", traces, lambda: linearize.run(context))
    if config.sft is not None:
        binding = config.sft
        trained = [folder.training_metrics(arm) for arm in arms]
        yield _Stage("sft", trained, lambda: sft.run(context, binding, sft_tokens))
    if config.rl is not None:
        algorithm = config.rl
        yield _Stage("rl", [folder.checkpoint("rl")], lambda: rl.run(context, algorithm))
    yield _Stage("evaluate", [folder.scores], lambda: evaluate.run(context))
    yield _Stage("report", [folder.report], lambda: report.run(context))


def _carry_out(stage: _Stage, on_event: Listener) -> None:
    began = time.monotonic()
    skipped = stage.done
    if not skipped:
        stage.work()
    on_event(StageFinished(stage.name, time.monotonic() - began, skipped=skipped))


def _result(context: RunContext) -> RunResult:
    folder = context.folder
    if not folder.scores.exists():
        return RunResult(folder.root, {}, [])
    return RunResult(folder.root, evaluate.read_scores(folder.scores), report.examples(context))
