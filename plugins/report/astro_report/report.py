"""Writes the report of a run: one file, or a file and a folder of chunks if there is too much."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from astro.config.run import BASE, RunConfig
from astro.config.yaml import dump_config
from astro.errors import AstroError
from astro.files import write_whole
from astro.interfaces import StepFormat
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder
from astro.runs.ownership import PAGE
from astro.runs.stages.report import policy_title, title_of
from astro_report import reading, results
from astro_report.chunks import (
    EMBEDDED_BYTES,
    Chunks,
    Embedded,
    embedded,
    json_bytes,
    packed,
    script,
)
from astro_report.differences import difference_table
from astro_report.documents import ModelHead, ResponseList, RunDocument, TreeList
from astro_report.evaluations import response_documents
from astro_report.experiments import experiment_content, experiment_training, is_experiment
from astro_report.page import Content, render
from astro_report.paper import paper_table, read_paper
from astro_report.searching import search_tables, usage_of
from astro_report.training import trained, training_document
from astro_report.trees import tree_documents

NAME = PAGE[0]
_CHUNK_FILE = re.compile(r"(trees|responses-\d+)-\d+\.js")


@dataclass(slots=True)
class _Documents:
    """The documents of a page: those that it always holds, and chunks with their files."""

    held: list[Embedded] = field(default_factory=list)
    chunks: list[tuple[str, Embedded]] = field(default_factory=list)

    def hold(self, name: str, document: Any) -> None:
        self.held.append(embedded(name, json_bytes(document)))

    def chunked(self, name: str, prefix: str) -> Chunks:
        """Receives the chunks of the document `name`; their files begin with `prefix`."""
        return Chunks(partial(self._add, name, prefix))

    def _add(self, name: str, prefix: str, number: int, content: bytes) -> None:
        found = Embedded(f"{name}/{number}", packed(content), compressed=True)
        self.chunks.append((f"{prefix}-{number}.js", found))

    @property
    def size(self) -> int:
        return sum(len(found.content) for found in (*self.held, *(c for _, c in self.chunks)))


def write_report(
    folder: Path, registry: Registry, out: Path, step_format: StepFormat | None = None
) -> list[Path]:
    """Write the report of a run, study or rounds to `out`, and return the files it consists of.

    Chunks lie in a folder beside `out`; those of an earlier report are deleted. `step_format` is
    that of the run, if it has been built already.

    Raises:
        AstroError: The folder holds no run, or one of its files is damaged.
    """
    documents = _Documents()
    if is_experiment(folder):
        content = experiment_content(folder)
        documents.hold("run", content.run)
        if content.run.training:
            documents.hold("training", experiment_training(folder))
    else:
        content = _of_run(RunFolder(folder), registry, documents, step_format)
    return _write_page(out, content, documents)


def _of_run(
    folder: RunFolder, registry: Registry, documents: _Documents, step_format: StepFormat | None
) -> Content:
    """What the page of a run shows; adds the documents of its page."""
    config = reading.run_config(folder, registry)
    run = run_document(folder, config)
    documents.hold("run", run)
    trees = TreeList()
    if run.search:
        trees = tree_documents(folder, documents.chunked("trees", "trees"))
        documents.hold("trees", trees)
    responses = dict[str, ResponseList]()
    step_format = step_format or step_format_of(config, registry)
    for number, model in enumerate(run.models):
        name = f"responses/{quote(model.name, safe='')}"
        chunks = documents.chunked(name, f"responses-{number}")
        listed = response_documents(folder, model.name, step_format, chunks)
        documents.hold(name, listed)
        responses[model.title] = listed
    if run.training:
        documents.hold("training", training_document(folder))
    return run_content(folder, config, trees, responses)


def _write_page(out: Path, content: Content, documents: _Documents) -> list[Path]:
    """Write a page to `out`, and its chunks beside it if all would be too much for one file."""
    beside = documents.size > EMBEDDED_BYTES
    chunk_folder = out.with_name(f"{out.stem}_data")
    written = list[Path]()
    if beside:
        documents.hold("chunks", {found.name: file for file, found in documents.chunks})
        for file, found in documents.chunks:
            path = chunk_folder / file
            write_whole(path, [script(found.name, found.content)])
            written.append(path)
    inside = documents.held if beside else [*documents.held, *(c for _, c in documents.chunks)]
    page = render(content, inside, chunks=quote(chunk_folder.name) if beside else "")
    write_whole(out, [page.encode("utf-8", "replace")])
    _drop_chunks(chunk_folder, keep={path.name for path in written})
    return [out, *written]


def run_document(folder: RunFolder, config: RunConfig) -> RunDocument:
    """The document from which the page of a run starts."""
    base = base_title(folder, config)
    return RunDocument(
        config.name,
        arms=[ModelHead(arm, title_of(arm)) for arm in reading.arms(folder)],
        models=[ModelHead(model, title_of(model, base)) for model in reading.models(folder)],
        search=folder.trees.exists(),
        training=bool(trained(folder)),
    )


def base_title(folder: RunFolder, config: RunConfig) -> str:
    """The title of the base model, which is "base" beside models that were trained from it."""
    return policy_title(config) if reading.models(folder) == [BASE] else BASE


def run_content(
    folder: RunFolder,
    config: RunConfig,
    trees: TreeList | None = None,
    responses: Mapping[str, ResponseList] | None = None,
) -> Content:
    """What the page of a run shows without scripts.

    Differences between models are shown if `responses` has the list of each by its title, the
    tables of the search if `trees` are given.

    Raises:
        RunError: A file of the run is damaged.
    """
    scores = results.scores_of(folder)
    base = base_title(folder, config)
    tables = [
        *(results.score_tables(scores, base) if scores else ()),
        *difference_table(responses or {}),
        *(paper_table(scores.groups, base, read_paper()) if scores else ()),
    ]
    return Content(
        run_document(folder, config),
        results=tables,
        warnings=scores.warnings if scores else (),
        search=list(search_tables(trees or TreeList(), usage_of(folder))),
        config=dump_config(config),
    )


def step_format_of(config: RunConfig, registry: Registry) -> StepFormat | None:
    """The step format of a run, or None if its plugin cannot be used here."""
    try:
        found: StepFormat = registry.build("step_format", config.step_format)
    except AstroError:
        return None
    return found


def _drop_chunks(folder: Path, keep: Collection[str]) -> None:
    """Delete the chunks of an earlier report."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if _CHUNK_FILE.fullmatch(path.name) and path.name not in keep:
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
