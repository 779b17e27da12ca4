"""The report of a study, rounds or a comparison: results, and the trainings of all runs."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import msgspec

from astro.errors import RunError
from astro.experiments.accuracy import SearchComparison
from astro.experiments.comparison import StudyResult
from astro.experiments.rounds import RoundsResult
from astro.experiments.tables import comparison_tables, round_tables, study_tables
from astro.files import read_json
from astro.runs.folder import RunFolder
from astro_report.documents import AccuracyCurve, RunDocument, TrainingCurves, TrainingDocument
from astro_report.page import Content, Link
from astro_report.training import training_document

RESULTS = "results.json"


def is_experiment(folder: Path) -> bool:
    """Whether a folder is that of a finished study, rounds or comparison."""
    return (folder / RESULTS).is_file() and not (folder / "config.yaml").exists()


def experiment_content(folder: Path) -> Content:
    """What the page of a study, rounds or a comparison shows without scripts.

    Raises:
        RunError: The results are damaged.
    """
    found = read_json(folder / RESULTS, dict[str, msgspec.Raw])
    name = folder.resolve().name
    accuracy = list[AccuracyCurve]()
    if "rounds" in found and "best" in found:
        tables = list(round_tables(read_json(folder / RESULTS, RoundsResult)))
    elif "choices" in found and "points" in found:
        compared = read_json(folder / RESULTS, SearchComparison)
        tables, accuracy = list(comparison_tables(compared)), accuracy_curves(compared)
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
    run = RunDocument(name, training=training, accuracy=accuracy)
    return Content(run, results=tables, links=links)


def accuracy_curves(result: SearchComparison) -> list[AccuracyCurve]:
    """The accuracy of each search against its tokens, from the fewest tokens on."""
    curves = []
    for search in result.choices:
        points = sorted((p for p in result.points if p.search == search), key=lambda p: p.budget)
        found = [p.accuracy for p in points]
        curves.append(
            AccuracyCurve(
                search,
                [p.tokens.value for p in points],
                [estimate.value for estimate in found],
                [estimate.low for estimate in found],
                [estimate.high for estimate in found],
            )
        )
    return curves


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
