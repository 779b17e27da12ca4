"""Answers questions without a reference: a search, and a choice among the answers that it found."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from astro.config.loading import all_bindings, pairing_problems, parse_config
from astro.config.run import BASE, RunConfig
from astro.config.yaml import read_config
from astro.engine.found import AnswerFound, answers_found
from astro.engine.selection import Selection, SelectionRule, select_answer
from astro.engine.tasks import Task
from astro.errors import ConfigError
from astro.interfaces import RatesTerminals
from astro.plugins.hookspecs import NO_VERIFIER
from astro.plugins.registry import Registry
from astro.requests import REWARD, Program
from astro.runs.context import scratch
from astro.runs.folder import RunFolder
from astro.runs.stages.search import STAGE, search_tasks
from astro.types import Problem, SearchTree

_UNUSED = ("problems", "linearizer", "control")
_COUNTS = ("samples", "particles", "iterations", "visits", "width")
"""The params by which searches are given a number of samples."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a question.

    Attributes:
        problem: The question.
        tree: The search tree; empty if the search failed.
        found: Every response that came to an end.
        chosen: The choice among them; None if there is none.
        tokens: The number of generated tokens.
        seconds: The seconds until the answer was known, from the start of all questions.
        failure: Why the search failed; empty if it did not.
    """

    problem: Problem
    tree: SearchTree
    found: Sequence[AnswerFound]
    chosen: Selection | None
    tokens: int
    seconds: float
    failure: str = ""

    @property
    def best(self) -> AnswerFound | None:
        """The response that stands for the chosen answer."""
        return self.found[self.chosen.candidate] if self.chosen else None

    @property
    def partial(self) -> bool:
        """Whether the budget ended the search, or it failed, before it was finished."""
        return bool(self.failure) or self.tree.ended == "budget"


def answers(
    config: RunConfig, questions: Sequence[str], rule: SelectionRule = "majority"
) -> Iterator[Answered]:
    """Answer questions with the config's search, in the order in which they are finished.

    No reference answer is needed: the verifier is asked only which answer a response gives, and
    which answers are equivalent. The value has to rate terminal states, as `reward_model` and
    `logprob` do, unless the search needs no value. No files are written.

    Raises:
        AstroError: A plugin cannot be built or needs verdicts, or a model cannot continue.
    """
    registry = Registry.discover()
    problems = {f"question-{i}": Problem(f"question-{i}", q, "") for i, q in enumerate(questions)}
    unverified = config.model_copy(
        update={"verifier": config.verifier.model_copy(update={"name": NO_VERIFIER, "params": {}})}
    )
    used = (found for found in all_bindings(unverified, registry) if found[0] not in _UNUSED)
    if problems_found := list(pairing_problems(registry, used)):
        raise ConfigError(problems_found)
    reads = config.verifier.name != NO_VERIFIER
    rates = isinstance(registry.build("value", config.value), RatesTerminals)
    began = time.monotonic()
    with scratch(config, RunFolder(Path(config.name)), registry) as run:
        searches = search_tasks(replace(run, config=unverified), list(problems.values()), STAGE)
        tasks = [
            Task(task.key, partial(_answered, task, problem, reads=reads, rates=rates))
            for task, problem in zip(searches, problems.values(), strict=True)
        ]
        for outcome in run.outcomes(run.executor(), tasks, run.policy(BASE, STAGE), config.budget):
            problem = problems[outcome.key.removeprefix(f"{STAGE}/")]
            seconds = time.monotonic() - began
            if outcome.failure:
                empty = SearchTree(problem, [], "failed")
                yield Answered(problem, empty, [], None, outcome.tokens, seconds, outcome.failure)
            else:
                tree, found = outcome.result
                chosen = select_answer([f.candidate for f in found], rule)
                yield Answered(problem, tree, found, chosen, outcome.tokens, seconds)


def question_config(
    *,
    policy: str,
    model: str | None = None,
    search: str = "best_of_n",
    value: str | None = None,
    reward_model: str | None = None,
    verifier: str | None = None,
    samples: int | None = None,
    temperature: float | None = None,
    system: str | None = None,
    seed: int = 0,
    overrides: Sequence[str] = (),
) -> RunConfig:
    """Return a config that answers questions, with which `answers` can be called.

    Args:
        policy: The policy plugin.
        model: Its model, if it takes one.
        search: The search plugin.
        value: The value plugin; by default `reward_model` if one is given, or else `p_true`.
        reward_model: The model that values states: a folder or hub name.
        verifier: The verifier that reads and compares answers; by default `sympy` if it is
            installed, or else `exact`.
        samples: The number of responses, particles or iterations, whichever the search has.
        temperature: The sampling temperature of steps.
        system: The system message.
        seed: The seed of all random numbers.
        overrides: Assignments `key.path=value`, with values in YAML.

    Raises:
        ConfigError: A plugin or a param is not known or not valid.
        PluginError: The search cannot be used.
    """
    registry = Registry.discover()
    names = {e.provider.name for e in registry.entries if e.provider.kind == "verifier"}
    known = registry.params_model("search", search)
    fields = known.model_fields if known else {}
    counted = [name for name in _COUNTS if name in fields]
    if samples is not None and not counted:
        raise ConfigError([f"search {search!r} has no number of samples"])
    params: dict[str, float] = {} if samples is None else {counted[0]: samples}
    params |= {} if temperature is None else {"temperature": temperature}
    raw = {
        "name": "solve",
        "seed": seed,
        "policy": {"name": policy, "params": {"model": model} if model else {}},
        "prompt": {"system": system},
        "search": {"name": search, "params": params},
        "value": {"name": value or ("reward_model" if reward_model else "p_true")},
        "verifier": {"name": verifier or ("sympy" if "sympy" in names else "exact")},
    }
    if reward_model:
        raw["models"] = {REWARD: {"name": "reward_model", "params": {"model": reward_model}}}
    return parse_config(read_config(raw, overrides), registry, unused=_UNUSED)


def _answered(
    search: Task[SearchTree], problem: Problem, *, reads: bool, rates: bool
) -> Program[tuple[SearchTree, list[AnswerFound]]]:
    """A search tree and the responses that it found."""
    tree = yield from search.start()
    found = yield from answers_found(problem, tree, reads=reads, rates=rates)
    return tree, found
