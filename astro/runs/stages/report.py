"""Stage 6: write a report of the run in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from astro.config.loading import told_apart
from astro.config.run import BASE, BUILT_IN_MODELS, RunConfig
from astro.config.yaml import dump_values
from astro.data.problem_sets import Decontamination
from astro.files import read_json, read_lines
from astro.interfaces import StepChecker, StepFormat
from astro.metrics import Estimate
from astro.plugins.registry import Registry
from astro.runs.context import RunContext
from astro.runs.folder import RunFolder
from astro.runs.scoring import EvaluatedProblem, Figures, Group, all_legal
from astro.runs.stages.evaluate import read_scores
from astro.text import markdown, plain
from astro.types import Problem

_TITLES = {"direct_sft": "Direct-SFT", "sft": "ASTRO-SFT", "rl": "ASTRO-RL"}
_SHARES = (
    "pass@",
    "maj@",
    "greedy",
    "failed",
    "truncated",
    "legal",
    "with_backtrack",
    "success",
    "empty",
    "verdict/",
)


@dataclass(frozen=True, slots=True)
class SampleResponse:
    """A response that the report shows as an example."""

    title: str
    model: str
    problem: Problem
    response: str
    status: str


@dataclass(frozen=True, slots=True)
class ReportStage:
    """Writes report.md."""

    params: None
    name: str
    config: RunConfig
    needs: tuple[str, ...] = ("evaluate",)
    models: tuple[str, ...] = ()

    def outputs(self, folder: Path) -> list[Path]:
        """The report."""
        return [RunFolder(folder).report]

    def run(self, run: RunContext) -> None:
        """Write the scores, the sample responses and the config as Markdown."""
        with run.started(self.name, 1, "file"):
            run.folder.write(run.folder.report, [plain("\n".join(_lines(run))).encode()])


def examples(run: RunContext) -> list[SampleResponse]:
    """Return a response of the base model and, if any, a correct response with a backtrack."""
    return run.once("examples", partial(_examples, run))


def _examples(run: RunContext) -> list[SampleResponse]:
    step_format = run.step_format()
    present = run.evaluated()
    found = [_first(run, "base", step_format, backtracked=False)] if "base" in present else []
    trained = [model for model in present if model not in (BASE, "direct_sft")]
    best = trained[-1] if trained else None
    if best:
        found.append(_first(run, best, step_format, backtracked=True))
    return [example for example in found if example]


def _first(
    run: RunContext, model: str, step_format: StepFormat, *, backtracked: bool
) -> SampleResponse | None:
    for measured in read_lines(run.folder.samples(model), EvaluatedProblem):
        for sample in measured.samples:
            good = sample.verdict.correct and step_format.backtracks(sample.text)
            if not backtracked or good:
                title = title_of(model, _base_title(run)) + (
                    ", after a backtrack" if backtracked else ""
                )
                status = sample.verdict.status.value
                if isinstance(step_format, StepChecker):
                    legal = all_legal(step_format, measured.problem, sample)
                    status += "" if legal else ", with an illegal line"
                return SampleResponse(title, model, measured.problem, sample.text, status)
    return None


def title_of(model: str, base: str = BASE) -> str:
    """Return the name of a model in tables; `base` is that of the base model."""
    return base if model == BASE else _TITLES.get(model, model)


def policy_title(config: RunConfig) -> str:
    """Return the title of the policy's model: the end of its path, or the policy's name."""
    model = config.policy.params.get("model")
    return "/".join(str(model).strip("/").split("/")[-3:]) if model else config.policy.name


def _base_title(run: RunContext) -> str:
    """The title of the base model, which is "base" beside models that were trained from it."""
    return policy_title(run.config) if run.evaluated() == [BASE] else BASE


def in_order(models: Iterable[str]) -> list[str]:
    """Return models in the order of tables: built-in ones first, then others as given."""
    built_in = (BASE, *BUILT_IN_MODELS)
    return sorted(models, key=lambda m: built_in.index(m) if m in built_in else len(built_in))


def _lines(run: RunContext) -> Iterator[str]:
    scores = read_scores(run.folder.scores)
    titled = {
        model: markdown(title_of(model, _base_title(run))) for model in in_order(scores.models)
    }
    yield f"# {run.config.name}\n"
    yield from _table([(title, scores.models[model]) for model, title in titled.items()])
    yield "\nFigures are means with 95 % intervals clustered by problem.\n"
    for warning in scores.warnings:
        yield f"**Warning:** {markdown(warning)}\n"
    yield from _groups(scores.groups, titled)
    if run.folder.decontamination.exists():
        line = read_json(run.folder.decontamination, Decontamination).line()
        yield f"{markdown(line)}\n"
    for example in examples(run):
        yield f"## {markdown(example.title)}: {example.status}\n"
        yield from _quoted(f"{example.problem.prompt}\n\n{example.response}")
    yield from _config(run.config, run.registry)


def _config(config: RunConfig, registry: Registry) -> Iterator[str]:
    """The complete config, in which what was set and what is a default are told apart."""
    own, defaults = told_apart(config, registry)
    yield "## Config\n"
    yield from _quoted(dump_values(own))
    yield "All other values are defaults:\n"
    yield from _quoted(dump_values(defaults))


def _groups(groups: Sequence[Group], titled: Mapping[str, str]) -> Iterator[str]:
    """Yield the lines of one table per set and key, with one row per part and model."""
    for (name, key), parts in groupby(groups, lambda group: (group.evaluation_set, group.key)):
        yield f"## {markdown(name)}{key and f' by {markdown(key)}'}\n"
        rows = [
            (f"{markdown(part.value or 'all')} ({part.problems}), {title}", part.models[model])
            for part in parts
            for model in in_order(part.models)
            for title in [titled[model]]
        ]
        yield from _table(rows)
        yield ""


def _table(rows: Sequence[tuple[str, Figures]]) -> Iterator[str]:
    names = list(dict.fromkeys(name for _, figures in rows for name in figures))
    yield "| model | " + " | ".join(names) + " |"
    yield "|---" * (len(names) + 1) + "|"
    for title, figures in rows:
        cells = [_cell(name, figures.get(name)) for name in names]
        yield f"| {title} | " + " | ".join(cells) + " |"


def _cell(name: str, figure: Estimate | None) -> str:
    if figure is None:
        return "-"
    if name.startswith(_SHARES):
        return f"{figure.value:.1%} ({figure.low:.1%} to {figure.high:.1%})"
    return f"{figure.value:.2f} ({figure.low:.2f} to {figure.high:.2f})"


def _quoted(text: str) -> Iterator[str]:
    """An indented block, so that no text can end it."""
    yield from (f"    {line}" for line in plain(text).split("\n"))
    yield ""
