"""Answers questions without a reference: a search, and a choice among the answers that it found."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

from astro.config.loading import all_bindings, pairing_problems, parse_config
from astro.config.run import BASE, RunConfig
from astro.config.yaml import read_config
from astro.engine.budget import Budget
from astro.engine.found import AnswerFound, answers_found
from astro.engine.selection import AnswerCandidate, Selection, SelectionRule, select_answer
from astro.engine.tasks import Outcome, Task
from astro.errors import ConfigError
from astro.events import Listener, Notice, ProblemFailed, StageProgress, ignore
from astro.interfaces import RatesTerminals, SamplesResponses, SearchAlgorithm, WarmStart
from astro.metrics import Estimate
from astro.plugins.hookspecs import NO_VERIFIER
from astro.plugins.registry import Registry
from astro.requests import REWARD, Program
from astro.runs.context import RunContext, scratch
from astro.runs.folder import RunFolder
from astro.runs.growing import growing
from astro.runs.stages.search import STAGE, search_algorithm, search_tasks, tasks_from
from astro.types import Problem, SearchTree

_UNUSED = ("problems", "linearizer", "control")
COUNTS = ("samples", "particles", "iterations", "visits", "width")
"""The params by which searches are given a number of samples."""
Asked = str | Problem | SearchTree
"""A question; or a problem, whose reference answer may be empty; or a tree to go on from."""
_AT_ONCE = Budget(seconds=1e-9)
"""The budget of a search that is told to end with what was recorded of it."""
CUT = {"budget", "interrupted"}
"""The `ended` of a search that was ended before it was finished."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer to a question.

    Attributes:
        problem: The question.
        tree: The search tree; without nodes if the search failed.
        candidates: Every response that came to an end.
        cut: The number of responses that the token limit cut off, as far as the search tells.
        chosen: The choice among them; None if there is none.
        tokens: The number of generated tokens.
        seconds: The seconds until the answer was known, from the start of all questions.
        failure: Why the search failed; empty if it did not.
        warm_start: Whether the search can go on from its tree.
    """

    problem: Problem
    tree: SearchTree
    candidates: Sequence[AnswerFound]
    chosen: Selection | None
    tokens: int
    seconds: float
    failure: str = ""
    cut: int = 0
    warm_start: bool = False

    @property
    def best(self) -> AnswerFound | None:
        """The response that stands for the chosen answer."""
        return self.candidates[self.chosen.candidate] if self.chosen else None

    @property
    def samples(self) -> int:
        """The number of responses, also those that were cut off or are equal to others."""
        return _samples(self.candidates) + self.cut

    @property
    def answer(self) -> str | None:
        """The chosen answer; None if there is none."""
        return self.best.answer if self.best else None

    @property
    def confidence(self) -> Estimate | None:
        """How much the responses agree on the chosen answer, with an interval of 95 %."""
        return self.chosen.confidence if self.chosen else None

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the search before it was finished."""
        return self.tree.ended == "interrupted"

    @property
    def partial(self) -> bool:
        """Whether the search was ended, by its budget or by Ctrl-C, or failed before its end."""
        return bool(self.failure) or self.tree.ended in CUT


def answers(
    config: RunConfig,
    asked: Sequence[Asked],
    rule: SelectionRule = "majority",
    *,
    verified: bool = False,
    until_interrupted: bool = False,
    on_event: Listener = ignore,
) -> Iterator[Answered]:
    """Answer questions with the config's search, in the order in which they are asked.

    No reference answer is needed: the verifier is asked only which answer a response gives, and
    which answers are equivalent. The value has to rate terminal states, as `reward_model` and
    `logprob` do, unless the search needs no value. No files are written.

    Args:
        config: The config, such as `question_config` returns.
        asked: Questions, problems, or trees from which their searches go on; all of one kind.
        rule: How the answer is chosen.
        verified: Whether the search verifies responses, with the reference answers of the problems.
            The choice among the answers does not use the verdicts.
        until_interrupted: Whether a `KeyboardInterrupt` ends the searches with what they have
            found so far, instead of being raised.
        on_event: A listener of progress and of the trees that grow.

    Raises:
        AstroError: A plugin cannot be built or needs verdicts, the search cannot go on from a tree,
            or a model cannot continue.
    """
    registry = Registry.discover()
    trees = [each for each in asked if isinstance(each, SearchTree)]
    problems = [_problem(i, each) for i, each in enumerate(asked)]
    searched = config if verified else _unverified(config, registry)
    reads = config.verifier.name != NO_VERIFIER
    rates = isinstance(registry.build("value", config.value), RatesTerminals)
    with scratch(config, RunFolder(Path(config.name)), registry, on_event) as run:
        search = replace(run, config=searched)
        searches = (
            tasks_from(search, trees, STAGE) if trees else search_tasks(search, problems, STAGE)
        )
        algorithm = search_algorithm(searched, registry, run.step_format())
        tasks = [
            Task(task.key, partial(_answered, task, problem, algorithm, reads=reads, rates=rates))
            for task, problem in zip(searches, problems, strict=True)
        ]
        watched = growing(STAGE, searches, config.seed, run.journal, on_event)
        with run.started(STAGE, len(tasks), "questions"), watched:
            outcomes = _outcomes(run, tasks, until_interrupted=until_interrupted)
            for result in _in_order(run, tasks, problems, outcomes, rule):
                yield replace(result, warm_start=isinstance(algorithm, WarmStart))


def _in_order(
    run: RunContext,
    tasks: Sequence[Task[Any]],
    problems: Sequence[Problem],
    outcomes: Iterable[tuple[Outcome, bool]],
    rule: SelectionRule,
) -> Iterator[Answered]:
    """The results in the order of the tasks, each as soon as it and those before it are known."""
    began, tokens = time.monotonic(), 0
    numbers = {task.key: number for number, task in enumerate(tasks)}
    known: dict[int, Answered] = {}
    following = 0
    for done, (outcome, stopped) in enumerate(outcomes, 1):
        number, seconds = numbers[outcome.key], time.monotonic() - began
        known[number] = _result(problems[number], outcome, rule, seconds, stopped=stopped)
        if outcome.failure and not stopped:
            run.on_event(ProblemFailed(STAGE, problems[number].id, outcome.failure))
        tokens += outcome.tokens
        speed = {"tokens/s": tokens / seconds} if tokens else {}
        run.on_event(StageProgress(STAGE, done, len(tasks), speed))
        while following in known:
            yield known.pop(following)
            following += 1


def _outcomes(
    run: RunContext, tasks: Sequence[Task[Any]], *, until_interrupted: bool
) -> Iterator[tuple[Outcome, bool]]:
    """Each outcome, and whether its search was interrupted.

    Interrupted searches are run again on their recorded replies, without a budget for more.
    """
    policy, left = run.policy(BASE, STAGE), {task.key: task for task in tasks}
    try:
        for outcome in run.outcomes(run.executor(), tasks, policy, run.config.budget):
            del left[outcome.key]
            yield outcome, False
    except KeyboardInterrupt as stop:
        if not until_interrupted or type(stop) is not KeyboardInterrupt:
            raise  # such as SIGTERM, after which nothing more is waited for
        run.journal.on_commit = None  # the trees grow no more
        run.on_event(Notice("interrupted: the answers are those found so far"))
        for outcome in run.outcomes(run.executor(), list(left.values()), policy, _AT_ONCE):
            yield outcome, True


def _result(
    problem: Problem, outcome: Outcome, rule: SelectionRule, seconds: float, *, stopped: bool
) -> Answered:
    if outcome.failure:
        ended = "interrupted" if stopped else "failed"
        tree, failure = SearchTree(problem, [], ended), "" if stopped else outcome.failure
        return Answered(problem, tree, [], None, outcome.tokens, seconds, failure)
    tree, found, cut = outcome.result
    if stopped and tree.ended == "budget":
        tree = replace(tree, ended="interrupted")
    voters = [each.candidate for each in found]
    chosen = select_answer([*voters, *[AnswerCandidate(None)] * cut], rule)
    return Answered(problem, tree, found, chosen, outcome.tokens, seconds, cut=cut)


def _problem(number: int, asked: Asked) -> Problem:
    if isinstance(asked, str):
        return Problem(f"question-{number}", asked, "")
    return asked.problem if isinstance(asked, SearchTree) else asked


def _unverified(config: RunConfig, registry: Registry) -> RunConfig:
    """The config of a search without verdicts. Raises `ConfigError` if its plugins need some."""
    none = config.verifier.model_copy(update={"name": NO_VERIFIER, "params": {}})
    changed = config.model_copy(update={"verifier": none})
    used = (found for found in all_bindings(changed, registry) if found[0] not in _UNUSED)
    if problems := list(pairing_problems(registry, used)):
        raise ConfigError(problems)
    return changed


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
    counted = [name for name in COUNTS if name in fields]
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


QUESTION_OPTIONS = tuple(signature(question_config).parameters)
"""The names of the options of `question_config`."""


def _answered(
    search: Task[SearchTree],
    problem: Problem,
    algorithm: SearchAlgorithm,
    *,
    reads: bool,
    rates: bool,
) -> Program[tuple[SearchTree, list[AnswerFound], int]]:
    """A search tree, the responses that it found, and how many the token limit cut off.

    Those that a budget or Ctrl-C ended are no responses yet, and the tree does not tell them apart.
    """
    tree = yield from search.start()
    found = yield from answers_found(problem, tree, reads=reads, rates=rates)
    cut = 0
    if isinstance(algorithm, SamplesResponses) and tree.ended not in CUT:
        cut = algorithm.sampled(tree) - _samples(found)
    return tree, found, cut


def _samples(found: Iterable[AnswerFound]) -> int:
    return sum(each.candidate.samples for each in found)
