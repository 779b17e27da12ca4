"""`astro solve`: search one problem and show the best answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

import astro
from astro.cli import options
from astro.cli.output import print_all, say_json
from astro.cli.results import solution
from astro.cli.verify import exit_code
from astro.experiments.loading import load_run
from astro.runs.solve import best_answer
from astro.types import SearchTree

UNUSED = ("linearizer", "control")
"""Keys of the config that need not be there."""


@click.command()
@click.argument("config")
@click.argument("problem")
@click.option("--answer", help="The reference answer; with it, PROBLEM may be any question.")
@options.overrides
@options.as_json
def solve(
    config: str, problem: str, answer: str | None, overrides: tuple[str, ...], as_json: bool
) -> None:
    """Search PROBLEM, an id of a problem of the config or a text, and show the best answer.

    The exit code is 0 if the answer is correct, 1 if it is not or there is none, and 3 if the
    verdict is a fault or missing, so that it is undecided.
    """
    tree = astro.solve(load_run(config, overrides, unused=UNUSED), problem, answer=answer)
    if as_json:
        say_json(_summary(tree))
    else:
        print_all(*solution(tree))
    best = best_answer(tree)
    click.get_current_context().exit(exit_code(best.verdict) if best else 1)


def _summary(tree: SearchTree) -> Mapping[str, Any]:
    """The best answer, its verdict, and the size of the search."""
    best = best_answer(tree)
    verdict = best.verdict if best else None
    return {
        "problem": tree.problem.id,
        "response": "".join(node.step.text for node in tree.path(best.id)) if best else None,
        "answer": verdict.answer if verdict else None,
        "status": verdict.status.value if verdict else None,
        "reason": verdict.reason if verdict else "",
        "nodes": len(tree.nodes),
        "terminal": len(tree.terminals()),
        "ended": tree.ended,
    }
