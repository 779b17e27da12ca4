"""ASTRO: teach language models to search, reflect and backtrack in their own chain of thought.

import astro

result = astro.load("configs/quickstart.yaml").run()
print(result.scores["rl"]["pass@1"])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str

    from astro.config.loading import load_config
    from astro.experiments.loading import load
    from astro.experiments.rounds import Rounds
    from astro.experiments.searches import Comparison
    from astro.experiments.study import Study
    from astro.runs.reading import read_scores, read_traces, read_trees
    from astro.runs.runner import Run, RunResult, run
    from astro.runs.solve import solve
    from astro.types import Problem

__all__ = [
    "Comparison",
    "Problem",
    "Rounds",
    "Run",
    "RunResult",
    "Study",
    "__version__",
    "load",
    "load_config",
    "read_scores",
    "read_traces",
    "read_trees",
    "run",
    "solve",
]

_HOMES = {
    "Comparison": "astro.experiments.searches",
    "Problem": "astro.types",
    "Rounds": "astro.experiments.rounds",
    "Run": "astro.runs.runner",
    "RunResult": "astro.runs.runner",
    "Study": "astro.experiments.study",
    "load": "astro.experiments.loading",
    "load_config": "astro.config.loading",
    "read_scores": "astro.runs.reading",
    "read_traces": "astro.runs.reading",
    "read_trees": "astro.runs.reading",
    "run": "astro.runs.runner",
    "solve": "astro.runs.solve",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import astro` costs nothing."""
    if name == "__version__":
        from importlib.metadata import version  # slow to import

        return version("astro-reasoner")
    if name not in _HOMES:
        raise AttributeError(f"module 'astro' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names, also those that are not imported yet."""
    return sorted({*globals(), *__all__})
