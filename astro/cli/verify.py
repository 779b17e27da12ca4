"""`astro verify`: the verdict on one response, or a verifier's metrics on labeled pairs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import RenderableType

from astro.cli import options
from astro.cli.output import print_all, say, say_block, say_json
from astro.cli.progress import progress
from astro.cli.tables import dissent_table, source_table
from astro.config.yaml import set_key
from astro.errors import RunError
from astro.events import ignore
from astro.files import write_plain_lines
from astro.judging.measure import measure
from astro.judging.pairs import (
    Judgement,
    Pair,
    VerifierJudgements,
    read_pairs,
    verdict_line,
    well_formed_pairs,
)
from astro.plugins.binding import VerifierBinding
from astro.plugins.params import validate_options
from astro.plugins.registry import Registry
from astro.types import Verdict

UNDECIDED = 3
"""The exit code if the verdict is a fault; 2 is that of usage errors."""


# An answer may be -5 or -sinh x, so only an argument that starts with two dashes is an option.
# `-h` is help if it stands alone.
@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.argument("gold", required=False)
@click.argument("candidate", required=False)
@click.option("--pairs", type=click.Path(path_type=Path), help="Verify every pair of a JSONL file.")
@click.option("--verifier", default="sympy", show_default=True, help="Verifier to use.")
@options.params
@options.workers
@options.timeout
@options.memory_mb
@click.option("--problem", default="", help="The text of the problem, for verifiers that read it.")
@click.option(
    "--metadata", default="{}", help="The problem's metadata as JSON, for verifiers that read it."
)
@click.option("--against", metavar="NAME", help="With --pairs: a second verifier, for comparison.")
@click.option("--out", type=click.Path(path_type=Path), help="With --pairs: write verdicts to it.")
@click.option("--skip-malformed", is_flag=True, help="With --pairs: leave out malformed lines.")
@options.as_json
@options.verbosity
def verify(
    *,
    gold: str | None,
    candidate: str | None,
    pairs: Path | None,
    verifier: str,
    overrides: tuple[str, ...],
    problem: str,
    metadata: str,
    against: str | None,
    out: Path | None,
    skip_malformed: bool,
    as_json: bool,
    **bounds: float,
) -> None:
    """Verify the response CANDIDATE against the reference GOLD, or every pair of a file.

    For one response, the exit code is 0 if it is correct, 1 if it is not, and 3 if the verdict is a
    fault, so that it is undecided. A line of a file is {"gold", "candidate", "equivalent",
    "source", "id", "problem", "metadata"}, of which only the first two are required.
    """
    if gold == "-h" and candidate is None and pairs is None:
        say_block(click.get_current_context().get_help())
        return
    for argument in (gold, candidate):
        if argument and argument.startswith("--"):
            raise click.NoSuchOption(argument)
    binding = _binding(verifier, overrides, bounds)
    if pairs is None and gold is not None and candidate is not None and not (against or out):
        pair = Pair(gold, candidate=candidate, problem=problem, metadata=_object(metadata))
        _judge_one(binding, pair, as_json)
    elif pairs is not None and gold is None and not problem and not _object(metadata):
        if out and out.resolve() == pairs.resolve():
            raise click.UsageError("--out is the file of the pairs, which would be lost")
        second = [_binding(against, (), bounds)] if against else []
        read = _read_well_formed if skip_malformed else read_pairs
        _judge_file(read(pairs), [binding, *second], out, as_json)
    else:
        raise click.UsageError("expected GOLD and CANDIDATE, or --pairs FILE and its options")


def _read_well_formed(path: Path) -> list[Pair]:
    """The pairs of a file; says on stderr how many lines are left out."""
    pairs, malformed = well_formed_pairs(path)
    if malformed:
        line = f"left out {len(malformed)} malformed lines; first: {malformed[0]}"
        say(line, err=True)
    return pairs


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise click.BadParameter(f"expected a JSON object, got {text:.40}", param_hint="--metadata")
    return value


def _binding(name: str, overrides: Sequence[str], bounds: dict[str, float]) -> VerifierBinding:
    """The binding of a verifier without a limit on faults, because they are to be counted."""
    params: dict[str, Any] = {}
    for override in overrides:
        set_key(params, override)
    binding = validate_options(
        VerifierBinding, {"name": name, "params": params, "max_faults": 1.0, **bounds}
    )
    Registry.discover().require("verifier", name)  # before any verification, which takes long
    return binding


def _judge_one(binding: VerifierBinding, pair: Pair, as_json: bool) -> None:
    (judgement,) = measure([pair], binding, ignore).judgements
    verdict = judgement.verdict
    if as_json:
        say_json({**asdict(verdict), "seconds": judgement.seconds}, indent=None)
    else:
        answer = "" if verdict.answer is None else f"answer: {verdict.answer}"
        parts = (verdict.status, answer, verdict.reason)
        for part in filter(None, parts):
            say(part)
    click.get_current_context().exit(exit_code(verdict))


def exit_code(verdict: Verdict | None) -> int:
    """0 for a correct response, 1 for one that is not, 3 if there is no verdict on it."""
    if verdict is None or verdict.status.fault:
        return UNDECIDED
    return int(not verdict.correct)


def _judge_file(
    pairs: Sequence[Pair], bindings: Sequence[VerifierBinding], out: Path | None, as_json: bool
) -> None:
    """The verdicts of the first verifier, and of the second one if there is one."""
    with progress() as listener:
        measured = [measure(pairs, binding, listener) for binding in bindings]
    if as_json:
        say_json(measured[0].report(*measured[1:]))
    else:
        print_all(*_tables(*measured))
    if out:
        _write(out, measured[0].judgements)


def _tables(
    first: VerifierJudgements, second: VerifierJudgements | None = None
) -> Iterator[RenderableType]:
    for measured in filter(None, (first, second)):
        yield source_table(measured)
    if first.disagreeing:
        rows = [(judgement, _label(judgement)) for judgement in first.disagreeing]
        yield dissent_table(f"{first.verifier} against the labels", rows)
    if second:
        rows = [(a, b.verdict.status) for a, b in first.differing(second)]
        yield dissent_table(f"{first.verifier} against {second.verifier}", rows)


def _label(judgement: Judgement) -> str:
    return "correct" if judgement.pair.label else "not correct"


def _write(path: Path, judgements: Sequence[Judgement]) -> None:
    try:
        write_plain_lines(path, map(verdict_line, judgements))
    except OSError as error:
        raise RunError(f"{path}: cannot write: {error.strerror}") from None
