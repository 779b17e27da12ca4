"""The problems of a run: those to train on, and the held-out evaluation sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

from astro.config.run import RunConfig
from astro.data.decontamination import Contaminated, contaminated
from astro.errors import ProblemError
from astro.files import encode
from astro.interfaces import (
    AnswersOptional,
    Exemplifying,
    Generated,
    ProblemSource,
    PromptTemplating,
    StepFormat,
)
from astro.plugins.binding import Binding
from astro.plugins.hookspecs import NO_VERIFIER
from astro.plugins.registry import Registry
from astro.types import CHAT_TURNS, Problem

MOST_LEVELS = 100
SOLUTION = "solution"
"""The key of a problem's metadata that many datasets use for a correct response."""


@dataclass(frozen=True, slots=True)
class HeldOut:
    """An evaluation set.

    Attributes:
        name: The name of the set.
        problems: Its problems.
        samples: The number of responses to sample per problem.
        by_rule: Whether a rule generates the problems, so that they share most of their words.
    """

    name: str
    problems: Sequence[Problem]
    samples: int
    by_rule: bool


@dataclass(frozen=True, slots=True)
class Decontamination:
    """The result of a decontamination.

    Attributes:
        training: The number of training problems before it.
        dropped: The problems that were left out.
        compared: Evaluation set -> the number of its problems, or why it was not compared.
    """

    training: int
    dropped: list[Contaminated]
    compared: dict[str, int | str]

    def line(self) -> str:
        """Return a summary in one line."""
        found = Counter(hit.evaluation_set for hit in self.dropped)
        sets = (f"{found[name]} in {name} ({size})" for name, size in self.compared.items())
        number = f"{len(self.dropped)} of {self.training}"
        return f"decontamination: {number} training problems left out: {', '.join(sets)}"


class ProblemLoader:
    """Loads splits of problems. Each source is built once, and each split is loaded once."""

    def __init__(
        self,
        registry: Registry,
        verifier: Binding,
        check: Callable[[str, list[Problem]], None] | None = None,
    ) -> None:
        """Use the plugins in `registry`. `check` is called with each set that is loaded.

        Problems without a reference answer are loaded only if there is no `verifier`.
        """
        self._registry = registry
        self._verifier = verifier
        self._check = check
        self._sources: dict[bytes, ProblemSource] = {}
        self._splits: dict[tuple[bytes, str], list[Problem]] = {}

    def __call__(self, binding: Binding, split: str) -> tuple[list[Problem], bool]:
        """Return the problems of a split, and whether a rule generates them.

        Raises:
            ProblemError: There are none, one cannot be stored, or two have the same id.
        """
        key = encode((binding.name, binding.params))
        if key not in self._sources:
            self._sources[key] = built(self._registry, binding, self._verifier)
        source = self._sources[key]
        if (key, split) not in self._splits:
            problems = _checked(list(source.load(split)), binding.name, split)
            if self._check is not None:
                self._check(self.set_name(binding, split), problems)
            self._splits[key, split] = problems
        return self._splits[key, split], isinstance(source, Generated) and source.by_rule

    def set_name(self, binding: Binding, split: str) -> str:
        """Return a name of a problem set that is the same in later runs, whatever its secrets."""
        params = self._registry.without_secrets("problems", binding).params
        return f"{split} of {binding.name} {crc32(encode((binding.name, params))):08x}"


def built(registry: Registry, problems: Binding, verifier: Binding) -> ProblemSource:
    """Return a source of problems, of those without an answer too where there is no verifier."""
    source: ProblemSource = registry.build("problems", problems)
    if verifier.name == NO_VERIFIER and isinstance(source, AnswersOptional):
        return source.without_answers()
    return source


def _checked(problems: list[Problem], source: str, split: str) -> list[Problem]:
    """The problems, checked as `ProblemLoader` says. Raises `ProblemError`."""
    if not problems:
        raise ProblemError(f"problems {source!r} have no problem in {split}")
    for problem in problems:
        try:
            encode(problem)
        except (TypeError, ValueError, RecursionError) as error:
            raise ProblemError(f"problem {problem.id!r} cannot be stored: {error}") from None
        if too_deep(problem.metadata):
            raise ProblemError(
                f"problem {problem.id!r} cannot be stored: "
                f"its metadata is nested over {MOST_LEVELS} levels deep"
            )
    problem_id, count = Counter(problem.id for problem in problems).most_common(1)[0]
    if count > 1:
        raise ProblemError(f"{count} of the {split} problems have the id {problem_id!r}")
    return problems


def too_deep(metadata: Mapping[str, Any]) -> bool:
    """Whether metadata is nested more than `MOST_LEVELS` deep, which some readers cannot take."""
    level: list[Any] = [metadata]
    for _ in range(MOST_LEVELS):
        level = [inner for value in level for inner in _inner(value)]
    return any(isinstance(value, Mapping | list | tuple) for value in level)


def _inner(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple) else ()


def held_out(config: RunConfig, load: ProblemLoader) -> list[HeldOut]:
    """Return the evaluation sets of `config`; without `evaluate.sets`, a split of its problems.

    Raises:
        ProblemError: A set cannot be loaded.
    """
    common = config.evaluate
    if not common.sets:
        problems, by_rule = load(config.problems, common.split)
        return [HeldOut(common.split, problems, common.samples, by_rule)]
    sets = []
    for name, binding in common.sets.items():
        problems, by_rule = load(binding, binding.split or common.split)
        sets.append(HeldOut(name, problems, binding.samples or common.samples, by_rule))
    return sets


def training(
    config: RunConfig, load: ProblemLoader
) -> tuple[list[Problem], Decontamination | None]:
    """Return the problems to train on, and the result of their decontamination.

    There is no decontamination if `decontaminate` is off, or if the run evaluates on `train`. An
    evaluation set that is the training split itself is not compared. If `evaluate.sets` is empty
    and the run's own held-out split cannot be loaded or equals the training split, the result
    contains the reason instead of the number of its problems.

    Raises:
        ProblemError: A set cannot be loaded, or no training problem is left.
    """
    problems, _ = load(config.problems, "train")
    own = not config.evaluate.sets
    if not config.decontaminate or (own and config.evaluate.split == "train"):
        return problems, None
    sets, compared = list[HeldOut](), dict[str, int | str]()
    try:
        trained_on = _trained_on(config)
        sets = [held for held in held_out(config, load) if held.name not in trained_on]
        if own and sets[0].problems == problems:
            raise ProblemError("not compared: it holds the training problems themselves")
        compared = {held.name: len(held.problems) for held in sets}
    except ProblemError as error:
        if not own:
            raise
        sets, compared = [], {config.evaluate.split: str(error)}
    texts = {held.name: held.problems for held in sets}
    dropped = contaminated(problems, texts, {held.name for held in sets if held.by_rule})
    out = {found.id for found in dropped}
    kept = [problem for problem in problems if problem.id not in out]
    decontamination = Decontamination(len(problems), dropped, compared)
    if not kept:
        raise ProblemError(
            decontamination.line(), "choose other problems, or set decontaminate: false"
        )
    return kept, decontamination


def _trained_on(config: RunConfig) -> set[str]:
    """The evaluation sets that the config defines as the training split."""
    common, own = config.evaluate, config.problems
    return {
        name
        for name, held in common.sets.items()
        if (held.split or common.split, held.name, held.params) == ("train", own.name, own.params)
    }


def with_prompt(problem: Problem, step_format: StepFormat, *, shots: bool) -> Problem:
    """Return the problem with the user message of `step_format`; see `PromptTemplating`.

    In a chat, worked examples are messages before it, if `step_format` is `Exemplifying`.
    """
    if not isinstance(step_format, PromptTemplating):
        return problem
    said = problem.turns or (problem.prompt,)
    shown = step_format.examples() if shots and isinstance(step_format, Exemplifying) else ()
    turns = (*shown, *said[:-1], step_format.ask(said[-1], shots=False))
    asked = replace(problem, prompt=step_format.ask(problem.prompt, shots=shots))
    if len(turns) == 1:
        return asked
    return replace(asked, metadata={**problem.metadata, CHAT_TURNS: turns})


def beginnings(step_format: StepFormat, *, shots: bool = True) -> tuple[str, ...]:
    """Return the texts before which a response is complete; see `Exemplifying`."""
    return step_format.beginnings() if shots and isinstance(step_format, Exemplifying) else ()
