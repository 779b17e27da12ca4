"""Studies: arms that differ in a few keys of their config, compared over seeds.

A study is a config file with `arms` and `seeds` in addition to the keys of a run. Each arm at each
seed is a run of its own, `runs/<study>/seed-<s>/<arm>/`, and resumes as any run does. The first arm
is the reference: arms with the same search config use its trees, and each arm is fine-tuned on as
many tokens as the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from msgspec import Struct
from pydantic import Field

from astro.config.loading import parse_config
from astro.config.run import RunConfig
from astro.engine.budget import Budget
from astro.errors import ConfigError
from astro.events import ExperimentFinished, Listener, Notice, ignore
from astro.experiments.comparison import Correlation, StudyResult, compare
from astro.experiments.inference import STAGE, Searched, search_at_inference
from astro.experiments.keys import Name, Seeds
from astro.experiments.merging import merged
from astro.files import read_lines, write_json
from astro.interfaces import StepFormat
from astro.metrics import pearson
from astro.plugins.params import Params, validate
from astro.plugins.registry import Registry
from astro.runs.context import RunContext
from astro.runs.folder import RunFolder, claimed_group
from astro.runs.listeners import broadcast
from astro.runs.runner import Run, is_evaluated, opened
from astro.runs.scoring import EvaluatedProblem, ScoredProblem, scored
from astro.runs.stages import sft

_OF_THE_SEARCH: Any = {
    **dict.fromkeys(("problems", "step_format", "policy", "prompt", "models", "verifier"), True),
    "format_sft": True,
    **dict.fromkeys(("search", "value", "trees", "budget", "decontaminate"), True),
    "evaluate": {"split", "sets"},
}
_FOLDERS = ("seed-*/*", f"{STAGE}/*")
"""Patterns of the folders of a study's runs."""


class Keys(Params):
    """The keys of a study's file in addition to those of a run.

    Attributes:
        arms: Name of an arm -> the keys in which it differs. The first arm is the reference.
        seeds: The seeds at which each arm is run.
        inference: The keys in which the search at inference by the base model differs from the rest
            of the file; None for no such search.
    """

    arms: Annotated[dict[Name, dict[str, Any]], Field(min_length=2)]
    seeds: Seeds = (0,)
    inference: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """A study.

    Attributes:
        name: The name of the study, and of its folder.
        arms: Arm -> config. The first arm is the reference.
        seeds: The seeds at which each arm is run, in place of the seed of its config.
        inference: The config of the search at inference, if there is one.
        registry: The plugins to use.
    """

    name: str
    arms: Mapping[str, RunConfig]
    seeds: tuple[int, ...]
    inference: RunConfig | None = None
    registry: Registry = field(default_factory=Registry.discover)

    @property
    def reference(self) -> str:
        """The name of the reference arm."""
        return next(iter(self.arms))

    def folder(self, runs: Path, seed: int, arm: str) -> Path:
        """Return the folder of an arm's run at a seed."""
        return runs / self.name / f"seed-{seed}" / arm

    def runs(self) -> Iterator[tuple[int, str, RunConfig]]:
        """Yield (seed, arm, config) of every run, the reference before arms that use its trees."""
        for seed in self.seeds:
            for arm in self.arms:
                yield seed, arm, self.config(seed, arm)

    def config(self, seed: int, arm: str) -> RunConfig:
        """Return the config of a run. Only the reference evaluates the base model."""
        config, common = self.arms[arm], self.arms[arm].evaluate
        evaluate = common if arm == self.reference else common.without_base()
        return config.model_copy(update={"name": arm, "seed": seed, "evaluate": evaluate})

    def shares_trees(self, arm: str) -> bool:
        """Return whether an arm uses the trees of the reference.

        It does if the keys of the search and of the problems are the same. Decontamination makes
        the problems depend on the evaluation sets.
        """
        reference, config = (
            self.arms[name].model_dump(include=_OF_THE_SEARCH) for name in (self.reference, arm)
        )
        return reference == config

    def configs(self) -> list[RunConfig]:
        """Return the config of each arm's run at the first seed."""
        return [self.config(self.seeds[0], arm) for arm in self.arms]

    def run(
        self,
        *,
        runs: str | Path = "runs",
        fresh: bool = False,
        until: str | None = None,
        on_event: Listener = ignore,
    ) -> StudyResult | None:
        """Run all arms, and write `runs/<study>/results.json`.

        An interrupted study is resumed. Returns None if `until` ends the runs before their
        evaluation.

        Raises:
            AstroError: An arm's run failed. Finished work is kept.
        """
        runs, on_event = Path(runs), broadcast(on_event, self.registry)
        evaluated = [is_evaluated(config, self.registry, until) for config in self.arms.values()]
        with claimed_group(runs / self.name, _FOLDERS, fresh=fresh):
            self._run_arms(runs, until, on_event)
            if not all(evaluated):
                return None
            result = compare_arms(self, runs, on_event)
            write_json(runs / self.name / "results.json", {self.name: result})
            on_event(ExperimentFinished(runs / self.name))
        return result

    def _run_arms(self, runs: Path, until: str | None, on_event: Listener) -> None:
        for seed, arm, config in self.runs():
            on_event(Notice(f"{self.name}: seed {seed}, arm {arm}"))
            trees, tokens = self._of_the_reference(runs, seed, arm)
            Run(config, self.registry).run(
                runs=self.folder(runs, seed, arm).parent,
                until=until,
                trees=trees,
                sft_tokens=tokens,
                on_event=on_event,
            )

    def _of_the_reference(self, runs: Path, seed: int, arm: str) -> tuple[Path | None, int | None]:
        """The trees and the number of loss tokens that an arm takes from the reference."""
        if arm == self.reference:
            return None, None
        reference = RunFolder(self.folder(runs, seed, self.reference))
        tokens = sft.trained_tokens(reference.training_metrics("sft"))
        trees = reference.trees if self.shares_trees(arm) else None
        return trees, tokens


def parse_study(raw: Mapping[str, Any], registry: Registry, source: str = "") -> Study:
    """Validate a study that is given as plain data.

    Raises:
        ConfigError: The study is invalid. The error lists the problems of all arms.
    """
    keys = validate(Keys, {key: raw[key] for key in Keys.model_fields if key in raw})
    raw = {key: value for key, value in raw.items() if key not in Keys.model_fields}
    if not isinstance(raw.get("name"), str):
        raise ConfigError(["name: expected the study's name"], source)
    changes = {f"arms.{arm}": changed for arm, changed in keys.arms.items()}
    if keys.inference is not None:
        changes["inference"] = keys.inference
    configs: dict[str, RunConfig] = {}
    problems: list[str] = []
    for key, changed in changes.items():
        try:
            configs[key] = parse_config(merged(raw, changed), registry)
        except ConfigError as error:
            problems += (f"{key}: {problem}" for problem in error.problems)
        else:
            if configs[key].rounds:
                problems.append(f"{key}: rounds: a study cannot have rounds")
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)), source)
    arms = {arm: configs[f"arms.{arm}"] for arm in keys.arms}
    return Study(raw["name"], arms, keys.seeds, configs.get("inference"), registry)


class _Step(Struct):
    """The metrics of a step of RL that are read."""

    pass_rate: float
    backtracks: float


def compare_arms(study: Study, runs: Path, on_event: Listener = ignore) -> StudyResult:
    """Compare the responses of all arms and seeds, and run the search at inference.

    Raises:
        AstroError: The arms have no problem in common, or the search failed.
    """
    config = study.arms[study.reference]
    step_format: StepFormat = study.registry.build("step_format", config.step_format)
    measured = {seed: dict(_models(study, runs, seed, step_format)) for seed in study.seeds}
    compared = compare(measured, f"{study.reference}_{'rl' if config.rl else 'sft'}")
    budgets = {matched.seed: round(matched.reference_tokens) for matched in compared.matched}
    open_run = partial(
        opened, runs=runs / study.name / STAGE, on_event=on_event, registry=study.registry
    )
    return replace(
        compared,
        searched=list(_searched(study, budgets, open_run)),
        correlations=list(_correlations(study, runs)),
    )


def _searched(
    study: Study,
    budgets: Mapping[int, int],
    open_run: Callable[..., AbstractContextManager[RunContext]],
) -> Iterator[Searched]:
    """The search at inference of each seed, with its token budget."""
    if study.inference is None:
        return
    for seed, tokens in budgets.items():
        own = {"name": f"seed-{seed}", "seed": seed, "budget": Budget(tokens=tokens)}
        with open_run(study.inference.model_copy(update=own)) as run:
            run.on_event(Notice(f"{study.name}: seed {seed}, search at inference"))
            yield search_at_inference(run)


def _correlations(study: Study, runs: Path) -> Iterator[Correlation]:
    """Correlations of pass rate and backtracks over the steps of RL, if both vary."""
    for seed, arm, _ in study.runs():
        path = RunFolder(study.folder(runs, seed, arm)).training("rl") / "metrics.jsonl"
        steps = list(read_lines(path, _Step)) if path.exists() else []
        r = pearson([step.pass_rate for step in steps], [step.backtracks for step in steps])
        if r is not None:
            yield Correlation(seed, f"{arm}_rl", len(steps), r)


def _models(
    study: Study, runs: Path, seed: int, step_format: StepFormat
) -> Iterator[tuple[str, list[ScoredProblem]]]:
    """`base`, then `<arm>_sft` and `<arm>_rl` of each arm, if they were evaluated."""
    for arm in study.arms:
        folder = RunFolder(study.folder(runs, seed, arm))
        for model in ("base", "sft", "rl"):
            path = folder.samples(model)
            if path.exists():
                name = model if model == "base" else f"{arm}_{model}"
                rows = read_lines(path, EvaluatedProblem)
                yield name, [scored(row, step_format) for row in rows]
