"""Stage 1: search the training problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.json import Decoder

from astro.config.run import RunConfig
from astro.data.problem_sets import beginnings, with_prompt
from astro.engine.adapting import adapted
from astro.engine.endings import ending
from astro.engine.tasks import Task
from astro.errors import ConfigError
from astro.events import Notice
from astro.interfaces import SearchAlgorithm, StepFormat, WarmStart
from astro.plugins.hookspecs import NO_VERIFIER
from astro.plugins.registry import Registry
from astro.requests import Program, Request, Score, Verify
from astro.runs.context import RunContext
from astro.runs.folder import RunFolder
from astro.runs.growing import growing
from astro.runs.warnings import search_warning
from astro.seeds import derive
from astro.types import Problem, SearchTree, Verdict

STAGE = "search"
_CUT = (
    "{cut} of {trees} trees have no step, because the token limit cut off every first step "
    "(first: {first}); raise search.params.step_tokens"
)


@dataclass(frozen=True, slots=True)
class SearchStage:
    """Searches the training problems and writes trees.jsonl, with one tree per line."""

    params: None
    name: str
    config: RunConfig
    models: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """The fine-tuning on the format, if the config has one."""
        return ("format_sft",) if self.config.format_sft else ()

    def outputs(self, folder: Path) -> list[Path]:
        """The trees."""
        return [RunFolder(folder).trees]

    def run(self, run: RunContext) -> None:
        """Search the problems within the config's budget."""
        problems = run.training_problems()[: run.config.trees]
        tasks = search_tasks(run, problems, STAGE)
        policy, budget = run.policy("base", STAGE), run.config.budget
        with growing(STAGE, tasks, run.config.seed, run.journal, run.on_event):
            run.run_tasks(STAGE, "trees", tasks, policy=policy, fields=tree_fields, budget=budget)
        results = run.results(task.key for task in tasks)
        found = _Summary()
        run.folder.write(run.folder.trees, found.of(results))
        if found.cut:
            cut = _CUT.format(cut=len(found.cut), trees=len(tasks), first=found.cut[0])
            run.on_event(Notice(cut))
        if found.trees and not found.solved and _verified(run.config):
            run.on_event(Notice(f"warning: {search_warning(found.trees)}"))


class _Node(Struct):
    verdict: Verdict | None


class _Tree(Struct):
    """A tree without its texts."""

    problem: Problem
    nodes: list[_Node]
    ended: str = ""


@dataclass(slots=True)
class _Summary:
    """The numbers of trees and of solved trees, and the problems whose trees are `cut`."""

    trees: int = 0
    solved: int = 0
    cut: list[str] = field(default_factory=list)

    def of(self, results: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the lines of trees.jsonl, and count their trees."""
        decode = Decoder(_Tree).decode
        for result in results:
            tree = decode(result)
            self.trees += 1
            self.solved += any(node.verdict and node.verdict.correct for node in tree.nodes)
            self.cut += [tree.problem.id] if tree.ended == "cut" else []
            yield result + b"\n"


def search_tasks(
    run: RunContext, problems: Sequence[Problem], stage: str
) -> list[Task[SearchTree]]:
    """Return one search task per problem."""
    return tasks_of(run.config, run.registry, run.step_format(), problems, stage)


def tasks_from(run: RunContext, trees: Sequence[SearchTree], stage: str) -> list[Task[SearchTree]]:
    """Return one task per tree, which goes on from it.

    The tasks have other keys, and so other seeds, than the searches that made the trees, so that no
    sample is drawn again.

    Raises:
        ConfigError: The search cannot go on from a tree.
    """
    config, step_format = run.config, run.step_format()
    algorithm = search_algorithm(config, run.registry, step_format)
    if not isinstance(algorithm, WarmStart):
        raise ConfigError([f"search.name: {config.search.name} cannot go on from a tree"])
    tasks = []
    for tree in trees:
        key = f"{stage}/{tree.problem.id}/from-{len(tree.nodes)}"
        start = partial(algorithm.search_from, tree=tree, seed=derive(config.seed, key))
        work = partial(_search, start, step_format, tree.problem, _verified(config))
        tasks.append(Task(key, work))
    return tasks


def tasks_of(
    config: RunConfig,
    registry: Registry,
    step_format: StepFormat,
    problems: Sequence[Problem],
    stage: str,
) -> list[Task[SearchTree]]:
    """Return one search task per problem. The algorithm is shared, since it has no state."""
    algorithm = search_algorithm(config, registry, step_format)
    verified = _verified(config)
    tasks = []
    for problem in problems:
        key = f"{stage}/{problem.id}"
        start = partial(algorithm.search, seed=derive(config.seed, key))
        tasks.append(Task(key, partial(_search, start, step_format, problem, verified)))
    return tasks


def search_algorithm(
    config: RunConfig, registry: Registry, step_format: StepFormat
) -> SearchAlgorithm:
    """Return the search of a config, with its value estimator."""
    value = registry.build("value", config.value)
    algorithm: SearchAlgorithm = registry.build(
        "search", config.search, value=value, step_format=step_format
    )
    return algorithm


def _verified(config: RunConfig) -> bool:
    return config.verifier.name != NO_VERIFIER


def _search(
    start: Callable[[Problem], Program[SearchTree]],
    step_format: StepFormat,
    problem: Problem,
    verified: bool,
) -> Program[SearchTree]:
    """The tree of the original problem, searched with the user message that the policy is sent."""
    sent = with_prompt(problem, step_format, shots=True)
    program = ending(start(sent), beginnings(step_format))
    if sent != problem or not verified:
        program = adapted(program, partial(_request, problem, verified))
    tree = yield from program
    return replace(tree, problem=problem)


def _request(problem: Problem, verified: bool, request: Request) -> Request | None:
    """The request to make: reward models are asked about the problem without its instructions."""
    if isinstance(request, Score):
        return replace(request, prompt=replace(request.prompt, user=problem.prompt, turns=()))
    judges = isinstance(request, Verify) and not request.comparison
    return None if judges and not verified else request


def tree_fields(tree: SearchTree) -> dict[str, float]:
    """Return the metrics of a tree that are shown during the search."""
    return {"solved": float(tree.solved), "nodes": len(tree.nodes)}
