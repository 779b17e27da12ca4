"""`astro solve`: search a problem of a config, or answer questions without a reference."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import click
from click.core import ParameterSource

from astro.cli import options
from astro.cli.output import print_all, say, say_json
from astro.cli.progress import progress
from astro.cli.results import answered, solution
from astro.cli.verify import exit_code
from astro.engine.selection import SelectionRule
from astro.errors import ConfigError
from astro.experiments.loading import load_run
from astro.plugins.registry import Registry
from astro.rehearsal.readiness import require_ready
from astro.runs.answering import QUESTION_OPTIONS, Answered, answers
from astro.runs.options import errors_name_options, typed_config
from astro.runs.questions import answer_row, asked_questions, saving, verdict_row
from astro.runs.solve import asked_problems, best_answer
from astro.runs.trees import read_tree_file

UNUSED = ("linearizer", "control")
"""Keys of the config that need not be there."""
PARTIAL = 4
"""The exit code of an answer that was chosen before the search was finished."""
INTERRUPTED = 130
"""The exit code if Ctrl-C ended the search before it had found an answer."""
_OF_QUESTIONS = [*QUESTION_OPTIONS, "budget", "select", "questions", "show_all", "answer_only"]
_TYPED = ParameterSource.COMMANDLINE
_FILE = click.Path(path_type=Path, dir_okay=False)


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
@click.option("--questions", type=click.File("rb"), help="File with one per line, or JSON Lines.")
@click.option("--save", type=_FILE, metavar="TREE", help="Write the search tree to this file.")
@click.option("--from", "start", type=_FILE, metavar="TREE", help="Go on from a saved tree.")
@click.option("--all", "show_all", is_flag=True, help="Show every response that came to an end.")
@click.option("--answer-only", is_flag=True, help="Print the answer alone.")
@options.overrides
@options.as_json
@options.verbosity
def solve(arguments: tuple[str, ...], **given: Any) -> None:
    """Search for the answer to QUESTION.

    With a CONFIG, QUESTION is an id of one of its problems, or a text, and the answer is verified.
    The exit code is 0 if it is correct, 1 if it is not or there is none, and 3 if the verdict is a
    fault or missing, so that it is undecided.

    With --policy, no config and no reference answer are needed: the answer is chosen among those
    that the search found. `-` reads the question from standard input. The exit code is 0 if there
    is an answer, 1 if there is none, and 4 if the budget or Ctrl-C ended the search before it was
    finished. Progress is shown on stderr.
    """
    ctx, verified = click.get_current_context(), given["policy"] is None
    trees = read_tree_file(given["start"]) if given["start"] else []
    foreign = set(_OF_QUESTIONS) - {"overrides"} if verified else {"answer"}
    if used := [name for name in foreign if ctx.get_parameter_source(name) is _TYPED]:
        way = "without --policy" if verified else "with --policy"
        raise ConfigError([f"--{used[0].replace('_', '-')} cannot be used {way}"])
    if verified:
        if not arguments:
            raise ConfigError(["expected CONFIG QUESTION, or QUESTION with --policy"])
        config = load_run(arguments[0], given["overrides"], unused=UNUSED)
        asked = asked_problems(config, arguments[1:], given["answer"], trees)
    else:
        asked = asked_questions(arguments, given["questions"], trees)
        with errors_name_options(given):
            config = typed_config(given)
            require_ready([config], Registry.discover())
    how = {"rule": given["select"], "verified": verified, "until_interrupted": True}
    many, results = len(asked) > 1, list[Answered]()
    try:
        with errors_name_options(given), progress() as listener:
            found = answers(config, asked, on_event=listener, **how)
            for result in saving(found, given["save"], listener):
                results.append(result)
                if many:
                    _show(result, given, many=many)
    finally:  # an answer is shown also if its tree cannot be saved
        if results and not many:
            _show(results[0], given, many=many)
    ctx.exit(max(_code(result, verified=verified) for result in results))


def _show(result: Answered, given: Mapping[str, Any], *, many: bool) -> None:
    verified = given["policy"] is None
    if given["answer_only"] and not given["as_json"]:
        if result.best or many:
            say(result.answer or "")
    elif given["as_json"] or many:
        rule, every = given["select"], given["show_all"]
        row = verdict_row(result.tree) if verified else answer_row(result, rule, every=every)
        say_json(row, indent=None)
    elif verified:
        print_all(*solution(result.tree))
    else:
        print_all(*answered(result, show_all=given["show_all"]))


def _code(result: Answered, *, verified: bool) -> int:
    if verified and result.failure:
        return 2
    if verified and (best := best_answer(result.tree)):
        return exit_code(best.verdict)
    if verified or result.best is None:
        return INTERRUPTED if result.interrupted else 1
    return PARTIAL if result.partial else 0
