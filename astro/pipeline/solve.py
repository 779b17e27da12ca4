"""One problem, searched and done with: for a first look, notebooks and other programs."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

from astro.config import RunConfig
from astro.errors import RunError
from astro.events import Listener, ignore
from astro.folder import RunFolder
from astro.journal import Journal
from astro.pipeline.context import Run
from astro.pipeline.search import search_task
from astro.registry import Registry
from astro.types import Problem, SearchTree


def solve(config: RunConfig, problem: Problem, on_event: Listener = ignore) -> SearchTree:
    """Search `problem` as the config says, leaving no files. Raises `AstroError`."""
    with tempfile.TemporaryDirectory(prefix="astro-") as root:
        folder = RunFolder(Path(root))
        with closing(Journal(folder.journal)) as journal:
            run = Run(config, folder, Registry.discover(), journal, on_event)
            task = search_task(run, problem)
            executor = run.registry.build("executor", config.executor)
            (outcome,) = executor.run(
                [task],
                policy=config.policy,
                verifier=config.verifier,
                journal=journal,
                budget=config.budget,
                seed=config.seed,
            )
    if outcome.failure:
        raise RunError(f"{problem.id}: {outcome.failure}")
    tree: SearchTree = outcome.result
    return tree
