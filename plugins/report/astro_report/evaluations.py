"""The documents of the responses to evaluation problems."""

from __future__ import annotations

from collections.abc import Iterator

from astro.engine.sampling import Sample
from astro.files import read_lines
from astro.interfaces import StepFormat
from astro.runs.folder import RunFolder
from astro.runs.scoring import EvaluatedProblem
from astro_report.chunks import Chunks
from astro_report.documents import ProblemResponses, ResponseEntry, ResponseList, readable
from astro_report.responses import parts
from astro_report.trees import PROMPT_CHARS, verdict_entry


def problem_responses(
    measured: EvaluatedProblem, step_format: StepFormat | None
) -> ProblemResponses:
    """The document of a problem's responses, the greedy one first."""
    problem = measured.problem
    greedy = [_response(sample, step_format, greedy=True) for sample in measured.greedy]
    sampled = [_response(sample, step_format, greedy=False) for sample in measured.samples]
    return ProblemResponses(
        problem.id,
        measured.evaluation_set,
        problem.prompt,
        problem.answer,
        readable(problem.metadata),
        [*greedy, *sampled],
    )


def _response(sample: Sample, step_format: StepFormat | None, *, greedy: bool) -> ResponseEntry:
    return ResponseEntry(
        parts(sample.text, step_format),
        sample.finish_reason.value,
        verdict_entry(sample.verdict),
        sample.tokens,
        greedy=greedy,
    )


def add_to_list(listed: ResponseList, found: ProblemResponses, chunk: int) -> None:
    """Add a problem to the list of a model's responses."""
    samples = [response for response in found.responses if not response.greedy]
    greedy = [response for response in found.responses if response.greedy]
    listed.id.append(found.id)
    listed.evaluation_set.append(found.evaluation_set)
    listed.prompt.append(found.prompt[:PROMPT_CHARS])
    listed.samples.append(len(samples))
    listed.correct.append(sum(sample.verdict.status == "correct" for sample in samples))
    listed.greedy.append(greedy[0].verdict.status if greedy else None)
    listed.backtracks.append(
        sum(part.kind == "backtrack" for sample in samples for part in sample.parts)
    )
    listed.metadata.append(found.metadata)
    listed.chunk.append(chunk)


def read_responses(folder: RunFolder, model: str) -> Iterator[EvaluatedProblem]:
    """The evaluated problems of a model, in the order of its file.

    Raises:
        RunError: A line is damaged.
    """
    return read_lines(folder.samples(model), EvaluatedProblem)


def response_documents(
    folder: RunFolder, model: str, step_format: StepFormat | None, chunks: Chunks
) -> ResponseList:
    """Write the chunks of a model's responses, and return their list. The file is read once."""
    listed = ResponseList()
    for measured in read_responses(folder, model):
        found = problem_responses(measured, step_format)
        add_to_list(listed, found, chunks.add(found))
    chunks.close()
    return listed
