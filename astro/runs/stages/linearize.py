"""Stage 2: linearize trees into chains of thought, for the method and for the control."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import msgspec

from astro.config.run import RunConfig
from astro.data.chat import with_roles
from astro.data.problem_sets import with_prompt
from astro.engine.tasks import Task
from astro.events import Notice
from astro.files import index_lines, read_line
from astro.interfaces import Linearizer, StepFormat
from astro.plugins.binding import Binding
from astro.plugins.hookspecs import NO_VERIFIER
from astro.requests import Program
from astro.runs.context import RunContext
from astro.runs.folder import RunFolder
from astro.runs.trees import TreeHead, check_tree, distinct
from astro.runs.warnings import trace_warning
from astro.seeds import derive
from astro.types import Problem, SearchTree, Trace

STAGE = "linearize"


@dataclass(frozen=True, slots=True)
class LinearizeStage:
    """Writes traces.jsonl and, if the config has a control, control_traces.jsonl."""

    params: None
    name: str
    config: RunConfig
    needs: tuple[str, ...] = ("search",)
    models: tuple[str, ...] = ()

    def outputs(self, folder: Path) -> list[Path]:
        """The traces of each arm."""
        return [RunFolder(folder).traces(arm) for arm, _ in arms(self.config)]

    def run(self, run: RunContext) -> None:
        """Linearize every tree for every arm."""
        linearize(run)


def linearize(run: RunContext) -> None:
    """Linearize every tree for every arm.

    The tasks of all arms of a tree start one after the other, so that each tree is read once.

    Raises:
        RunError: Too many trees failed.
    """
    tasks = list(_tasks(run))
    per = dict.fromkeys(("backtracks", "rewritten"), "traces")
    run.run_tasks(STAGE, "trees", tasks, policy=run.policy("base", STAGE), fields=_fields, per=per)
    for arm, _ in arms(run.config):
        keys = [task.key for task in tasks if task.key.startswith(f"{STAGE}/{arm}/")]
        rows = _rows(run.results(keys), run.step_format())
        run.folder.write_lines(run.folder.traces(arm), rows)
        if keys and not run.folder.traces(arm).stat().st_size:
            verified = run.config.verifier.name != NO_VERIFIER
            warning = trace_warning(arm, len(keys), verified=verified)
            run.on_event(Notice(f"warning: {warning}"))


def arms(config: RunConfig) -> list[tuple[str, Binding]]:
    """Return (name of the trained model, linearizer) of the method and, if any, the control."""
    control = config.control
    return [("sft", config.linearizer), *([("direct_sft", control)] if control else [])]


def _tasks(run: RunContext) -> Iterator[Task[list[Trace]]]:
    linearizers = {
        arm: run.registry.build("linearizer", binding, step_format=run.step_format())
        for arm, binding in arms(run.config)
    }
    trees = run.folder.trees
    read = lru_cache(maxsize=1)(
        lambda offset: check_tree(read_line(trees, offset, SearchTree), trees)
    )
    for offset, tree in distinct(trees, index_lines(trees, TreeHead)):
        for arm, linearizer in linearizers.items():
            key = f"{STAGE}/{arm}/{tree.problem.id}"
            work = partial(_linearize, linearizer, partial(read, offset))
            yield Task(key, partial(work, derive(run.config.seed, key)))


def _linearize(
    linearizer: Linearizer, read: Callable[[], SearchTree], seed: int
) -> Program[list[Trace]]:
    tree = read()
    return linearizer.linearize(tree.problem, tree, seed)


def _rows(results: Iterable[bytes], step_format: StepFormat) -> Iterator[dict[str, object]]:
    decode = msgspec.json.Decoder(list[Trace]).decode
    for result in results:
        for number, trace in enumerate(decode(result)):
            yield trace_row(trace, number, with_prompt(trace.problem, step_format, shots=False))


def trace_row(trace: Trace, number: int, asked: Problem) -> dict[str, object]:
    """Return the row of traces.jsonl of a problem's trace of this number (see docs/formats.md).

    `asked` is the problem with the messages that training uses.
    """
    said = (*(asked.turns or (asked.prompt,)), trace.response)
    return {
        "id": f"{trace.problem.id}#{number}",
        "problem": trace.problem.id,
        "messages": [{"role": role, "content": text} for role, text in with_roles(said)],
        **({"prompt": asked.prompt} if asked.turns else {}),
        "segments": trace.segments,
        "backtracks": trace.backtracks,
        "answer": trace.verdict.answer,
        "rewritten": trace.rewritten,
    }


def _fields(traces: list[Trace]) -> dict[str, float]:
    """The numbers of a tree's traces, of their backtracks and of the rewritten ones."""
    backtracks = sum(trace.backtracks for trace in traces)
    rewritten = sum(trace.rewritten for trace in traces)
    return {
        "traces": len(traces),
        "backtracks": backtracks,
        "rewritten": rewritten,
    }
