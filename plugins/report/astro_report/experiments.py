"""The report of a study or of rounds: their results, and the trainings of all their runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec

from astro.errors import RunError
from astro.experiments.comparison import StudyResult
from astro.experiments.rounds import RoundsResult
from astro.files import read_json
from astro.runs.folder import RunFolder
from astro_report.documents import RunDocument, TrainingCurves, TrainingDocument
from astro_report.page import Content, Link
from astro_report.tables import ABSENT, Table, points, share
from astro_report.training import training_document

RESULTS = "results.json"


def is_experiment(folder: Path) -> bool:
    """Whether a folder is that of a finished study or of rounds."""
    return (folder / RESULTS).is_file() and not (folder / "config.yaml").exists()


def experiment_content(folder: Path) -> Content:
    """What the page of a study or of rounds shows without scripts.

    Raises:
        RunError: The results are damaged.
    """
    found = read_json(folder / RESULTS, dict[str, msgspec.Raw])
    name = folder.resolve().name
    if "rounds" in found and "best" in found:
        tables = list(round_tables(read_json(folder / RESULTS, RoundsResult)))
    else:
        results = read_json(folder / RESULTS, dict[str, StudyResult])
        if len(results) != 1:
            raise RunError(
                f"{folder / RESULTS} holds {len(results)} studies, where one is expected"
            )
        ((name, result),) = results.items()
        tables = list(study_tables(result))
    training = any(True for run in runs_of(folder) for _ in run.root.glob("*/metrics.jsonl"))
    links = [
        Link(quote(str((run.root / "report.html").relative_to(folder))), _title(run, folder))
        for run in runs_of(folder)
        if (run.root / "report.html").exists()
    ]
    run = RunDocument(name, training=training)
    return Content(run, results=tables, links=links)


def experiment_training(folder: Path) -> TrainingDocument:
    """The curves of all runs, of which each title begins with that of its run.

    Raises:
        RunError: A log is damaged.
    """
    return TrainingDocument(
        [
            TrainingCurves(f"{_title(run, folder)}, {training.title}", training.series)
            for run in runs_of(folder)
            for training in training_document(run).trainings
        ]
    )


def runs_of(folder: Path) -> list[RunFolder]:
    """The runs of a study or of rounds."""
    paths = (path for pattern in ("seed-*/*", "round-*") for path in folder.glob(pattern))
    return [RunFolder(path) for path in sorted(paths) if (path / "config.yaml").is_file()]


def _title(run: RunFolder, folder: Path) -> str:
    return ", ".join(part.replace("-", " ", 1) for part in run.root.relative_to(folder).parts)


def study_tables(result: StudyResult) -> Iterator[Table]:
    """The tables of a study."""
    problems = f"In %, on {result.problems:,} problems that every model has at every seed."
    yield _by_seed("pass@1", result.seeds, problems)
    if result.legal:
        yield _by_seed("All lines legal", result.legal, problems)
        yield _by_seed("Right and all lines legal", result.right_and_legal, problems)
    yield Table(
        "Differences in pass@1",
        ["", "all seeds", "by seed"],
        [
            [
                f"{one.first} above {one.second}",
                points(one.pooled),
                " ".join(f"{estimate.value:+.1f}" for estimate in one.by_seed),
            ]
            for one in result.differences
        ],
        "Points, with 95 % intervals from a paired bootstrap over problems.",
    )
    yield from _against_tokens(result)
    if result.correlations:
        rows = [
            [f"seed {one.seed}, {one.model}", f"{one.steps:,}", points(one.r, 2)]
            for one in result.correlations
        ]
        note = "Over the steps of RL, with 95 % intervals by Fisher's transformation."
        title = "Pearson's r of pass rate and backtracks"
        yield Table(title, ["", "steps", "r"], rows, note)


def _by_seed(title: str, rows: Sequence[Mapping[str, float]], note: str) -> Table:
    """One row per model, one column per seed, and the mean over seeds."""
    models = [name for name in rows[0] if name != "seed"]
    cells = [
        [
            model,
            *(f"{row[model]:.1f}" if model in row else ABSENT for row in rows),
            _mean([row[model] for row in rows if model in row]),
        ]
        for model in models
    ]
    seeds = [f"seed {row['seed']:.0f}" for row in rows]
    return Table(title, ["", *seeds, "mean"], cells, note)


def _mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.1f}" if values else ABSENT


def _against_tokens(result: StudyResult) -> Iterator[Table]:
    """Accuracy at equal tokens: best of n of each model, and the search at inference."""
    matched = [
        [
            f"seed {one.seed}, {one.model}, best of {one.samples}",
            f"{one.tokens:,.0f}",
            f"{one.majority:.1f}",
            f"{one.oracle:.1f}",
        ]
        for one in result.matched
    ]
    searched = [
        [f"seed {one.seed}, search by the base", f"{one.tokens:,.0f}", ABSENT, f"{one.solved:.1f}"]
        for one in result.searched
    ]
    if matched or searched:
        names = dict.fromkeys(one.reference for one in result.matched)
        reference = f" The tokens are those of a response of {', '.join(names)}." if names else ""
        yield Table(
            "Accuracy against tokens",
            ["", "tokens per problem", "majority", "any right"],
            [*matched, *searched],
            f"In %. A search is guided by the verifier, so it stands under any right.{reference}",
        )


def round_tables(result: RoundsResult) -> Iterator[Table]:
    """pass@1 by round on each set."""
    if not result.rounds:
        raise RunError("these rounds have no results yet", "run them first")
    sets = list(result.rounds[0].pass_at_1)
    rows = [
        [
            f"round {turn.number}" if turn.number else "base",
            *(share(turn.pass_at_1.get(name)) for name in sets),
        ]
        for turn in result.rounds
    ]
    why = "The rounds ended because pass@1 had stopped rising." if result.stalled else ""
    note = f"In %, with 95 % intervals. Round {result.best} is the best. {why}".strip()
    yield Table("pass@1 by round", ["", *sets], rows, note)
