"""Comparisons of searches at equal budgets, on the same problems and seeds.

A comparison is a config file with `searches`, `budgets` and `seeds` in addition to the keys of a
run. Each search at each seed has a run of its own, `runs/<comparison>/seed-<s>/<search>/`, and
resumes as any run does. The problems are those that a run would be evaluated on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import msgspec
from pydantic import Field

from astro.config.loading import parse_config
from astro.config.run import BASE, RunConfig
from astro.engine.found import answers_found
from astro.engine.selection import SelectionRule, select_answer
from astro.engine.tasks import Task
from astro.errors import ConfigError
from astro.events import ExperimentFinished, Listener, Notice, ignore
from astro.experiments.accuracy import Places, SearchComparison, Tried, compare_searches
from astro.experiments.keys import Name, Seeds, once_each
from astro.experiments.merging import merged
from astro.files import write_json
from astro.interfaces import RatesTerminals
from astro.plugins.hookspecs import NO_VERIFIER
from astro.plugins.params import Params, validate
from astro.plugins.registry import Registry
from astro.requests import POLICY, Program, Verify
from astro.runs.context import RunContext
from astro.runs.folder import claimed_group
from astro.runs.listeners import broadcast
from astro.runs.runner import opened
from astro.runs.stages.search import STAGE as SEARCH
from astro.runs.stages.search import search_tasks
from astro.types import Problem, SearchTree

STAGE = "compare"
UNUSED = ("linearizer", "control", "sft", "rl", "reward", "stages")
"""The keys of a run that a comparison does not read."""
_OWN = ("select", "reference")
"""The keys of a search that are none of a run."""


class Choice(Params):
    """How the answer of a search is chosen.

    Attributes:
        select: The rule by which one of the answers in its tree is chosen.
        reference: Whether the search sees the verdicts on its answers. It then knows more than it
            could in use, and any correct answer in its tree counts.
    """

    select: SelectionRule = "majority"
    reference: bool = False

    @property
    def name(self) -> str:
        """The rule, or `reference`."""
        return "reference" if self.reference else self.select


class Keys(Params):
    """The keys of a comparison's file in addition to those of a run.

    Attributes:
        searches: Name of a search -> the keys in which it differs, with those of `Choice`.
        budgets: The tokens that each search may spend on a problem.
        seeds: The seeds at which each search is run.
    """

    searches: Annotated[dict[Name, dict[str, Any]], Field(min_length=2)]
    budgets: Annotated[
        tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1), once_each("budget")
    ]
    seeds: Seeds = (0,)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison of searches.

    Attributes:
        name: The name of the comparison, and of its folder.
        searches: Search -> config.
        choices: Search -> how its answer is chosen.
        budgets: The token budgets.
        seeds: The seeds, in place of those of the configs.
        registry: The plugins to use.
    """

    name: str
    searches: Mapping[str, RunConfig]
    choices: Mapping[str, Choice]
    budgets: Sequence[int]
    seeds: Sequence[int]
    registry: Registry = field(default_factory=Registry.discover)

    def configs(self) -> list[RunConfig]:
        """Return the config of each search at the first seed."""
        return [self.config(self.seeds[0], search) for search in self.searches]

    def config(self, seed: int, search: str) -> RunConfig:
        """Return the config of a run."""
        return self.searches[search].model_copy(update={"name": search, "seed": seed})

    def run(
        self,
        *,
        runs: str | Path = "runs",
        fresh: bool = False,
        until: str | None = None,
        on_event: Listener = ignore,
    ) -> SearchComparison:
        """Run all searches at all budgets and seeds, and write `runs/<comparison>/results.json`.

        An interrupted comparison is resumed, and a budget or a search may be added to a finished
        one. `until` has to be None, since there are no stages.

        Raises:
            AstroError: A search failed on too many problems. Finished work is kept.
        """
        if until is not None:
            raise ConfigError([f"until: a comparison of searches has no stages, got {until!r}"])
        runs, on_event = Path(runs), broadcast(on_event, self.registry)
        tried: dict[tuple[str, int], list[Places]] = {}
        seconds: dict[tuple[str, int], list[float]] = {}
        with claimed_group(runs / self.name, ("seed-*/*",), fresh=fresh):
            for seed in self.seeds:
                folder = runs / self.name / f"seed-{seed}"
                for search, choice in self.choices.items():
                    on_event(Notice(f"{self.name}: seed {seed}, search {search}"))
                    config = self.config(seed, search)
                    with opened(
                        config, runs=folder, on_event=on_event, registry=self.registry
                    ) as run:
                        for budget in self.budgets:
                            places, taken = _measured(run, choice, budget)
                            tried.setdefault((search, budget), []).append(places)
                            seconds.setdefault((search, budget), []).append(taken)
            each = {key: sum(taken) / len(taken) for key, taken in seconds.items()}
            names = {search: choice.name for search, choice in self.choices.items()}
            result = compare_searches(tried, each, names, list(self.seeds))
            write_json(runs / self.name / "results.json", result)
            for line in _warnings(result):
                on_event(Notice(f"warning: {line}"))
            on_event(ExperimentFinished(runs / self.name))
        return result


def parse_comparison(raw: Mapping[str, Any], registry: Registry, source: str = "") -> Comparison:
    """Validate a comparison that is given as plain data.

    Raises:
        ConfigError: The comparison is invalid. The error lists the problems of all searches.
    """
    keys = validate(Keys, {key: raw[key] for key in Keys.model_fields if key in raw})
    base = {key: raw[key] for key in raw if key not in (*Keys.model_fields, *UNUSED)}
    if not isinstance(raw.get("name"), str):
        raise ConfigError(["name: expected the comparison's name"], source)
    searches, choices = dict[str, RunConfig](), dict[str, Choice]()
    problems: list[str] = []
    for search, changed in keys.searches.items():
        try:
            choices[search] = validate(Choice, {k: changed[k] for k in _OWN if k in changed})
            own = merged(base, {key: changed[key] for key in changed if key not in _OWN})
            if not choices[search].reference:
                blind = merged(own, {"verifier": {"name": NO_VERIFIER}})
                parse_config(blind, registry, unused=UNUSED)
            searches[search] = parse_config(own, registry, unused=UNUSED)
        except ConfigError as error:
            problems += (f"searches.{search}: {problem}" for problem in error.problems)
        else:
            if searches[search].rounds:
                problems.append(f"searches.{search}: rounds: a comparison cannot have rounds")
            if searches[search].verifier.name == NO_VERIFIER:
                problems.append(f"searches.{search}: verifier: answers have to be verified")
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)), source)
    return Comparison(raw["name"], searches, choices, keys.budgets, keys.seeds, registry)


def _warnings(result: SearchComparison) -> Iterator[str]:
    """Yield a line for each search without any answer at any budget, or one for all of them."""
    answering = {point.search for point in result.points if point.answered}
    silent = [f"search {one} has no" for one in result.choices if one not in answering]
    for which in silent if answering else ["no search has an"]:
        yield (
            f"{which} answer to any of {result.problems} problems at any budget; raise budgets, or "
            "see whether the responses end with an answer that the verifier reads"
        )


def _measured(run: RunContext, choice: Choice, budget: int) -> tuple[Places, float]:
    """What came of the problems at a budget, and the seconds per problem."""
    stage = f"{STAGE}/{budget}/{choice.name}"
    tasks = list(_tasks(run, choice, stage))
    limits = run.config.budget.model_copy(update={"tokens": budget})
    finished = {key for key, failure, _ in run.journal.outcomes(f"{stage}/") if not failure}
    if any(task.key not in finished for task in tasks):
        policy, began = run.policy(BASE, SEARCH), time.monotonic()
        try:
            run.run_tasks(stage, "searches", tasks, policy=policy, fields=_fields, budget=limits)
        finally:
            run.add_usage(stage, {POLICY: {"seconds": time.monotonic() - began}})
    tokens = {key: spent for key, _, spent in run.journal.outcomes(f"{stage}/")}
    places = {}
    for task in tasks:
        if (result := run.journal.result(task.key)) is not None:
            found = msgspec.json.decode(result, type=Tried)
            place = task.key.removeprefix(f"{stage}/")
            places[place] = replace(found, tokens=tokens[task.key])
    return places, run.usage().get(stage, {}).get("seconds", 0.0) / len(tasks)


def _fields(found: Tried) -> dict[str, float]:
    return {"solved": float(found.correct)}


def _tasks(run: RunContext, choice: Choice, stage: str) -> Iterator[Task[Tried]]:
    """A search of each held-out problem, and the verdict on the answer that is chosen."""
    config = run.config
    if not choice.reference:
        verifier = config.verifier.model_copy(update={"name": NO_VERIFIER, "params": {}})
        config = config.model_copy(update={"verifier": verifier})
    rates = isinstance(run.registry.build("value", config.value), RatesTerminals)
    for held in run.held_out():
        searches = search_tasks(replace(run, config=config), held.problems, f"{stage}/{held.name}")
        for search, problem in zip(searches, held.problems, strict=True):
            yield Task(search.key, partial(_tried, search, problem, choice, rates=rates))


def _tried(
    search: Task[SearchTree], problem: Problem, choice: Choice, *, rates: bool
) -> Program[Tried]:
    """Search a problem, choose an answer without the reference, and verify it."""
    tree = yield from search.start()
    if choice.reference:
        return Tried(tree.solved, bool(tree.terminals()), tree.ended)
    found = yield from answers_found(problem, tree, reads=True, rates=rates)
    voters = [f.candidate if f.read else replace(f.candidate, vote=None) for f in found]
    chosen = select_answer(voters, choice.select)
    if chosen is None:
        return Tried(correct=False, answered=False, ended=tree.ended)
    (verdict,) = yield [Verify(problem, found[chosen.candidate].response)]
    return Tried(verdict.correct, answered=True, ended=tree.ended)
