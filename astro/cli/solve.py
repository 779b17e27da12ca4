"""`astro solve`: search a problem of a config, or answer questions without a reference."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

import click

import astro
from astro.cli import options
from astro.cli.output import print_all, say, say_json
from astro.cli.results import answered, solution
from astro.cli.verify import exit_code
from astro.config.run import RunConfig
from astro.engine.selection import SelectionRule
from astro.experiments.loading import load_run
from astro.runs.answering import Answered, answers, question_config
from astro.runs.solve import best_answer
from astro.types import SearchTree

UNUSED = ("linearizer", "control")
"""Keys of the config that need not be there."""
PARTIAL = 4
"""The exit code of an answer that was chosen before the search was finished."""
_POLICY_IN_CONFIG = "give either a config or --policy"


@click.command()
@click.argument("arguments", nargs=-1, metavar="[CONFIG] QUESTION")
@click.option("--answer", help="With a CONFIG: the reference; QUESTION may be any text.")
@click.option("--policy", help="Policy plugin, in place of a config.")
@click.option("--model", help="Model of the policy.")
@click.option("--search", default="best_of_n", show_default=True, help="Search plugin.")
@click.option("--value", help="Value plugin, for searches that need one.")
@click.option("--reward-model", help="Reward model that values states: a folder or hub name.")
@click.option("--verifier", help="Verifier that reads and compares answers.")
@click.option("--select", type=click.Choice(get_args(SelectionRule)), default="majority")
@click.option("--samples", type=int, help="Responses, particles or iterations of the search.")
@click.option("--budget", multiple=True, metavar="KEY=N", help="Limit of tokens or requests.")
@click.option("--temperature", type=float, help="Sampling temperature.")
@click.option("--system", help="System message.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--questions", type=click.File(encoding="utf-8"), help="File with one per line.")
@click.option("--all", "show_all", is_flag=True, help="Show every response that came to an end.")
@click.option("--answer-only", is_flag=True, help="Print the answer alone.")
@options.overrides
@options.as_json
def solve(arguments: tuple[str, ...], answer: str | None, **given: Any) -> None:
    """Search for the answer to QUESTION.

    With a CONFIG, QUESTION is an id of one of its problems, or a text, and the answer is verified.
    The exit code is 0 if it is correct, 1 if it is not or there is none, and 3 if the verdict is a
    fault or missing, so that it is undecided.

    With --policy, no config and no reference answer are needed: the answer is chosen among those
    that the search found. `-` reads the question from standard input. The exit code is 0 if there
    is an answer, 1 if there is none, and 4 if the budget ended the search before it was finished.
    """
    if given["policy"] is None:
        code = _problem_of_config(arguments, answer, given["overrides"], given["as_json"])
    else:
        if answer is not None:
            raise click.UsageError("--answer needs a config, whose verifier compares with it")
        code = _questions(arguments, given)
    click.get_current_context().exit(code)


def _problem_of_config(
    arguments: Sequence[str], answer: str | None, overrides: tuple[str, ...], as_json: bool
) -> int:
    if len(arguments) != 2:
        raise click.UsageError(f"expected CONFIG QUESTION; {_POLICY_IN_CONFIG}")
    config, problem = arguments
    tree = astro.solve(load_run(config, overrides, unused=UNUSED), problem, answer=answer)
    if as_json:
        say_json(_summary(tree))
    else:
        print_all(*solution(tree))
    best = best_answer(tree)
    return exit_code(best.verdict) if best else 1


def _questions(arguments: Sequence[str], given: Mapping[str, Any]) -> int:
    asked = list(_asked(arguments, given["questions"]))
    config = _config(given)
    codes = [0]
    for result in answers(config, asked, given["select"]):
        codes.append(_code(result))
        if given["as_json"] or len(asked) > 1:
            say_json(_row(result, given["select"], show_all=given["show_all"]), indent=None)
        elif given["answer_only"]:
            say(result.best.answer if result.best else "")
        else:
            print_all(*answered(result, show_all=given["show_all"]))
    return max(codes)


def _asked(arguments: Sequence[str], questions: Any) -> Iterator[str]:
    """The questions of the arguments and of the file, without blank ones."""
    if len(arguments) > 1:
        raise click.UsageError(f"expected one QUESTION, got {len(arguments)}; {_POLICY_IN_CONFIG}")
    typed = [sys.stdin.read() if argument == "-" else argument for argument in arguments]
    found = [q.strip() for q in (*typed, *(questions or ())) if q.strip()]
    if not found:
        raise click.UsageError("expected a QUESTION, or --questions with one per line")
    yield from found


def _config(given: Mapping[str, Any]) -> RunConfig:
    names = ("policy", "model", "search", "value", "reward_model", "verifier")
    numbers = ("samples", "temperature", "system", "seed")
    return question_config(
        **{name: given[name] for name in (*names, *numbers)},
        overrides=(*given["overrides"], *(f"budget.{limit}" for limit in given["budget"])),
    )


def _code(result: Answered) -> int:
    if result.best is None:
        return 1
    return PARTIAL if result.partial else 0


def _row(result: Answered, rule: str, *, show_all: bool) -> Mapping[str, Any]:
    """The answer to one question, and what it cost."""
    best, chosen = result.best, result.chosen
    row = {
        "question": result.problem.prompt,
        "answer": best.answer if best else None,
        "response": best.response if best else None,
        "confidence": chosen.confidence if chosen else None,
        "rule": rule,
        "responses": len(result.found),
        "tokens": result.tokens,
        "seconds": round(result.seconds, 3),
        "ended": result.tree.ended,
        "failure": result.failure,
    }
    return row | ({"found": result.found} if show_all else {})


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
