"""Runs the stages of a config: problems, trees, traces, SFT, RL, evaluation, report."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypedDict, Unpack

from astro.config.loading import operational_keys, with_defaults
from astro.config.run import RunConfig
from astro.config.stages import AnyStage, run_stages, stages_until
from astro.engine.journal import Journal
from astro.errors import ConfigError, RunError
from astro.events import Listener, Notice, StageFinished, ignore
from astro.plugins.registry import Registry
from astro.runs.again import evaluate_again, is_done
from astro.runs.again import retry_failed as prepare_failed
from astro.runs.changes import unread_keys
from astro.runs.context import RunContext
from astro.runs.damage import set_damaged_aside
from astro.runs.folder import OF_THE_EVALUATION, RunFolder
from astro.runs.listeners import broadcast
from astro.runs.scoring import Scores
from astro.runs.stages import report
from astro.runs.stages.evaluate import STAGE as EVALUATE
from astro.runs.stages.evaluate import read_scores
from astro.runs.trees import take_trees


@dataclass(frozen=True, slots=True)
class RunResult:
    """The folder of a run, the scores of each model by metric, and example responses."""

    folder: Path
    scores: Scores
    examples: list[report.SampleResponse]


class RunOptions(TypedDict, total=False):
    """The keyword arguments of `run` except for the registry."""

    runs: str | Path
    fresh: bool
    until: str | None
    stages: Collection[str] | None
    trees: Path | None
    sft_tokens: int | None
    retry_failed: bool
    again: bool
    on_event: Listener


@dataclass(frozen=True, slots=True)
class Run:
    """The config of one run, and the plugins that it uses."""

    config: RunConfig
    registry: Registry

    @property
    def name(self) -> str:
        """The name of the run, and of its folder."""
        return self.config.name

    def configs(self) -> list[RunConfig]:
        """Return the config of the run, as a list of one."""
        return [self.config]

    def run(self, **options: Unpack[RunOptions]) -> RunResult:
        """Run the stages; the options are those of `astro.run`.

        Raises:
            AstroError: A stage failed. Finished work is kept.
        """
        return run(self.config, registry=self.registry, **options)


def run(
    config: RunConfig,
    *,
    runs: str | Path = "runs",
    fresh: bool = False,
    until: str | None = None,
    stages: Collection[str] | None = None,
    trees: Path | None = None,
    sft_tokens: int | None = None,
    retry_failed: bool = False,
    again: bool = False,
    on_event: Listener = ignore,
    registry: Registry | None = None,
) -> RunResult:
    """Run the stages of `config` in order in `runs/<name>`, and skip finished ones.

    An interrupted run resumes where it stopped, with the same results as an uninterrupted one.
    Evaluation sets are loaded before the first stage, so that errors in them are found early.

    Args:
        config: The config of the run.
        runs: The folder with the folders of all runs.
        fresh: Whether to delete an earlier run of this name and start over.
        until: The last stage to run; None for all.
        stages: Names of the only stages to run; None for all.
        trees: A trees.jsonl to use instead of a search.
        sft_tokens: The number of loss tokens of fine-tuning if the config does not give one.
        retry_failed: Whether to try the failed problems of finished stages again.
        again: Whether to evaluate a finished run again, with the verifier, the number of samples
            and so on of `config`. The earlier evaluation is kept.
        on_event: The listener of events, in addition to those of plugins.
        registry: The plugins to use; None for all installed ones.

    Raises:
        AstroError: A stage failed. Finished work is kept, and the run can be resumed.
    """
    if config.rounds is not None and stages is None:
        raise ConfigError(["rounds: run them with astro.load(path).run()"])
    registry = registry or Registry.discover()
    chosen = _chosen(stages_until(run_stages(config, registry), until), stages)
    with opened(
        config,
        runs=Path(runs),
        fresh=fresh,
        sft_tokens=sft_tokens,
        given_trees=trees is not None,
        again=again,
        on_event=on_event,
        registry=registry,
    ) as context:
        if trees is not None:
            take_trees(context.folder, trees)
        if retry_failed:
            prepare_failed(context)
        if any(stage.name == EVALUATE and not _done(stage, context) for stage in chosen):
            _check_evaluation(context)
        context.check_problems()
        for stage in chosen:
            _run_stage(stage, context)
        return _result(context)


@contextmanager
def opened(
    config: RunConfig,
    *,
    runs: Path,
    fresh: bool = False,
    sft_tokens: int | None = None,
    given_trees: bool = False,
    again: bool = False,
    on_event: Listener = ignore,
    registry: Registry | None = None,
) -> Iterator[RunContext]:
    """Lock the run in `runs/<name>`, and yield its context.

    The keyword arguments are those of `run`; `given_trees` says whether trees will be given.

    Raises:
        AstroError: The run cannot be opened.
    """
    registry = registry or Registry.discover()
    folder = RunFolder(runs / config.name)
    stages, listener = run_stages(config, registry), broadcast(on_event, registry)
    claim = partial(
        folder.claimed,
        outputs={_top(path, folder) for stage in stages for path in stage.outputs(folder.root)},
        redone=OF_THE_EVALUATION if again else (),
        free=list(operational_keys(config, registry)),
        unread=lambda old: unread_keys(run_stages(old, registry), folder),
        complete=partial(with_defaults, registry=registry),
        tell=lambda text: listener(Notice(text)),
    )
    try:
        with claim(config, fresh=fresh) as damaged, closing(Journal(folder.journal)) as journal:
            context = RunContext(config, folder, registry, journal, listener, stages, sft_tokens)
            set_damaged_aside(context, damaged, given_trees=given_trees)
            if again:
                evaluate_again(context)
            for stage in stages:
                _seal(stage, context)
            yield context
    except OSError as error:
        raise RunError(f"{error.filename or folder.root}: {error.strerror or error}") from error


def _top(path: Path, folder: RunFolder) -> str:
    """The name of the entry of a run's folder in which an output of a stage lies."""
    return path.relative_to(folder.root).parts[0]


def _seal(stage: AnyStage, context: RunContext) -> None:
    """List the files of a finished stage in the manifest, unless they are there already."""
    if _done(stage, context):
        manifest = context.folder.manifest
        outputs = stage.outputs(context.folder.root)
        manifest.record(p for p in outputs if p.is_file() and not manifest.sealed(p))


def is_evaluated(config: RunConfig, registry: Registry, until: str | None) -> bool:
    """Return whether a run up to the stage `until` evaluates its models.

    Raises:
        ConfigError: There is no such stage, or the stages of the config are inconsistent.
    """
    stages = stages_until(run_stages(config, registry), until)
    return any(stage.name == "evaluate" for stage in stages)


def _chosen(stages: Sequence[AnyStage], names: Collection[str] | None) -> list[AnyStage]:
    """The stages in `names`, or all if it is None. Raises `ConfigError` for an unknown name."""
    if names is None:
        return list(stages)
    known = [stage.name for stage in stages]
    if unknown := [name for name in names if name not in known]:
        raise ConfigError([f"stages: expected some of {', '.join(known)}, got {unknown[0]!r}"])
    return [stage for stage in stages if stage.name in names]


def _done(stage: AnyStage, context: RunContext) -> bool:
    return is_done(stage, context.folder.root)


def _check_evaluation(context: RunContext) -> None:
    """Load the evaluation sets, so that errors in them are found before hours of work."""
    if context.evaluated():
        context.held_out()


def _run_stage(stage: AnyStage, context: RunContext) -> None:
    """Run one stage unless it is finished. Raises `RunError` if one that it needs is not."""
    if _done(stage, context):
        context.on_event(StageFinished(stage.name, 0.0, skipped=True))
        return
    needed = [other for other in context.stages if other.name in stage.needs]
    if absent := [other.name for other in needed if not _done(other, context)]:
        raise RunError(f"stage {stage.name} needs {', '.join(absent)}", "run them first")
    stage.run(context)
    _seal(stage, context)


def _result(context: RunContext) -> RunResult:
    folder = context.folder
    if not folder.scores.exists():
        return RunResult(folder.root, {}, [])
    return RunResult(folder.root, read_scores(folder.scores).models, report.examples(context))
