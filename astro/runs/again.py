"""Work that is done once more in a finished run: failed problems, and the evaluation."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import count, takewhile
from pathlib import Path

from astro.config.loading import read_stored, with_defaults
from astro.config.stages import AnyStage
from astro.errors import RunError
from astro.events import Notice
from astro.runs.context import RunContext
from astro.runs.stages.evaluate import STAGE as EVALUATE


def is_done(stage: AnyStage, folder: Path) -> bool:
    """Return whether all outputs of a stage exist. A stage without outputs is run every time."""
    outputs = stage.outputs(folder)
    return bool(outputs) and all(path.exists() for path in outputs)


def retry_failed(run: RunContext) -> None:
    """Prepare that the failed problems of all stages are tried again, with what follows from them.

    Traces on which a training has begun are not changed: the problems that failed before are left.
    """
    keys = [key.split("/") for key, failure, _ in run.journal.outcomes("") if failure]
    failed = Counter(stage for stage, *_ in keys)
    for stage in run.stages:
        if not failed[stage.name]:
            continue
        redone = _following(run.stages, stage)
        trained = [model for s in redone for model in s.models]
        if begun := [model for model in trained if run.folder.training(model).exists()]:
            text = f"the training of {begun[0]} has begun without them"
            run.on_event(Notice(f"{stage.name}: {failed[stage.name]} failed problems stay: {text}"))
            continue
        run.on_event(Notice(f"{stage.name}: {failed[stage.name]} failed problems are tried again"))
        for path in (path for s in redone for path in s.outputs(run.folder.root)):
            run.folder.remove(path)
    for model in {rest[0] for stage, *rest in keys if stage == EVALUATE}:
        run.folder.remove(run.folder.samples(model))


def _following(stages: Sequence[AnyStage], first: AnyStage) -> list[AnyStage]:
    """A stage and all stages that need it, directly or not. They are in order in `stages`."""
    found = {first.name: first}
    for stage in stages:
        if found.keys() & set(stage.needs):
            found[stage.name] = stage
    return list(found.values())


def evaluate_again(run: RunContext) -> None:
    """Set the evaluation of a run aside in `eval-<n>`, so that its models are evaluated again.

    The report and the config of the earlier evaluation are kept with it. Nothing is set aside if an
    evaluation by the same config is unfinished: it goes on.

    Raises:
        RunError: A stage before the evaluation is not finished.
    """
    folder = run.folder
    before = takewhile(lambda stage: stage.name != EVALUATE, run.stages)
    if undone := [stage.name for stage in before if not is_done(stage, folder.root)]:
        raise RunError(f"stage {undone[0]} is not finished", "run it first, without --from")
    config = with_defaults(run.config, registry=run.registry)
    stored = with_defaults(read_stored(folder.config), registry=run.registry)
    if stored == config and not folder.scores.exists():
        return
    run.journal.forget(f"{EVALUATE}/")
    if folder.scores.parent.exists():
        _set_aside(run, folder.scores.parent)
    folder.write_config(config)


def _set_aside(run: RunContext, evaluation: Path) -> None:
    folder = run.folder
    shutil.copyfile(folder.config, evaluation / folder.config.name)
    _forget(run, (*evaluation.iterdir(), folder.report))
    (stage,) = (stage for stage in run.stages if stage.name == EVALUATE)
    after = {path for s in _following(run.stages, stage) for path in s.outputs(folder.root)}
    for path in after - {folder.scores, folder.report}:
        folder.remove(path)
    if folder.report.exists():
        folder.report.replace(evaluation / folder.report.name)
    names = (evaluation.with_name(f"{evaluation.name}-{number}") for number in count(1))
    target = next(path for path in names if not path.exists())
    evaluation.replace(target)
    run.on_event(Notice(f"the earlier evaluation is kept in {target}"))


def _forget(run: RunContext, paths: Iterable[Path]) -> None:
    for path in paths:
        run.folder.manifest.forget(path)
