"""Stage 1: search the training problems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.json import Decoder

from astro.config.run import RunConfig
from astro.data.problem_sets import with_prompt
from astro.engine.tasks import Task
from astro.events import Notice
from astro.interfaces import SearchAlgorithm, StepFormat
from astro.requests import Program
from astro.runs.context import RunContext
from astro.runs.folder import RunFolder
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
    needs: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def outputs(self, folder: Path) -> list[Path]:
        """The trees."""
        return [RunFolder(folder).trees]

    def run(self, run: RunContext) -> None:
        """Search the problems within the config's budget."""
        problems = run.training_problems()[: run.config.trees]
        tasks = search_tasks(run, problems, STAGE)
        policy, budget = run.policy("base"), run.config.budget
        cut: list[str] = []

        def fields(tree: SearchTree) -> dict[str, float]:
            cut.extend([tree.problem.id] if tree.ended == "cut" else [])
            return tree_fields(tree)

        run.run_tasks(STAGE, "trees", tasks, policy=policy, fields=fields, budget=budget)
        if cut:
            run.on_event(Notice(_CUT.format(cut=len(cut), trees=len(tasks), first=cut[0])))
        results = run.results(task.key for task in tasks)
        solved: list[bool] = []
        run.folder.write(run.folder.trees, _lines(results, solved))
        if solved and not any(solved):
            run.on_event(Notice(f"warning: {search_warning(len(solved))}"))


class _Node(Struct):
    verdict: Verdict | None


class _Verdicts(Struct):
    """The verdicts in a tree, without its texts."""

    nodes: list[_Node]


def _lines(results: Iterable[bytes], solved: list[bool]) -> Iterator[bytes]:
    """Yield the lines of trees.jsonl, and append to `solved` whether each tree is."""
    decode = Decoder(_Verdicts).decode
    for result in results:
        solved.append(any(node.verdict and node.verdict.correct for node in decode(result).nodes))
        yield result + b"\n"


def search_tasks(
    run: RunContext, problems: Sequence[Problem], stage: str
) -> list[Task[SearchTree]]:
    """Return one search task per problem. The algorithm is shared, since it has no state."""
    step_format = run.step_format()
    algorithm: SearchAlgorithm = run.registry.build(
        "search",
        run.config.search,
        value=run.registry.build("value", run.config.value),
        step_format=step_format,
    )
    keys = [f"{stage}/{problem.id}" for problem in problems]
    return [
        Task(key, partial(_search, algorithm, step_format, problem, derive(run.config.seed, key)))
        for key, problem in zip(keys, problems, strict=True)
    ]


def _search(
    algorithm: SearchAlgorithm, step_format: StepFormat, problem: Problem, seed: int
) -> Program[SearchTree]:
    """The tree of the original problem, searched with the user message that the policy is sent."""
    tree = yield from algorithm.search(with_prompt(problem, step_format, shots=True), seed)
    return replace(tree, problem=problem)


def tree_fields(tree: SearchTree) -> dict[str, float]:
    """Return the metrics of a tree that are shown during the search."""
    return {"solved": float(tree.solved), "nodes": len(tree.nodes)}
