"""Questions as they are typed or given in files, and rows with the answers to them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from astro.errors import ConfigError
from astro.events import Listener, Notice, ignore
from astro.files import decode
from astro.runs.answering import CUT, Answered, Asked
from astro.runs.solve import best_answer
from astro.runs.trees import tree_of, write_tree_file
from astro.types import Problem, SearchTree


class _Row(msgspec.Struct):
    """A question in a file of JSON Lines."""

    question: str = ""
    prompt: str = ""
    id: str | int = ""


def asked_questions(
    arguments: Sequence[str], given: BinaryIO | None, trees: Sequence[SearchTree]
) -> Sequence[Asked]:
    """Return the question in the arguments, the questions in the file `given`, or the trees.

    The argument `-` stands for the text of standard input. With trees, an argument is the id or the
    question of the one to take.

    Raises:
        AstroError: There is no question, or more than one, or it cannot be read.
    """
    if trees and not given:
        return tree_of(trees, arguments)
    if len(arguments) + (given is not None) != 1 or trees:
        raise ConfigError(
            ["expected one QUESTION, or --questions FILE; a config needs no --policy"]
        )
    if given:
        return read_questions(given.read(), given.name)
    text = arguments[0]
    if text == "-":
        text = _text(sys.stdin.buffer.read(), "standard input")
    if not text.strip():
        raise ConfigError(["the question is empty"])
    return [text.strip()]


def read_questions(content: bytes, name: str) -> list[Problem]:
    """Return the questions in the lines of a file, without blank lines.

    A line is a question, or a JSON object with the key `question` or `prompt`, and perhaps `id`. If
    the first line is an object, or the name of the file ends with .jsonl, all of them have to be.

    Raises:
        ConfigError: There is no question, two have the same id, or the file is not valid UTF-8.
        RunError: A line of JSON is not valid.
    """
    lines = [(n, line.strip()) for n, line in enumerate(_text(content, name).split("\n"), 1)]
    lines = [(n, line) for n, line in lines if line]
    if not lines:
        raise ConfigError([f"{name}: there is no question"])
    rows = name.endswith(".jsonl") or _is_object(lines[0][1])
    problems = [
        _of_row(line, f"{name}:{n}", i)
        if rows or _is_object(line)
        else Problem(f"question-{i}", line, "")
        for i, (n, line) in enumerate(lines)
    ]
    seen: set[str] = set()
    for (number, _), problem in zip(lines, problems, strict=True):
        if problem.id in seen:
            raise ConfigError([f"{name}:{number}: the id {problem.id!r:.60} is there twice"])
        seen.add(problem.id)
    return problems


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{name}:{line}: the text is not valid UTF-8"]) from None


def _is_object(line: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), dict)
    except (msgspec.MsgspecError, RecursionError):
        return False


def _of_row(line: str, where: str, number: int) -> Problem:
    row = decode(line.encode(), _Row, where)
    text = row.question or row.prompt
    if not text.strip():
        raise ConfigError([f"{where}: expected a text under the key question or prompt"])
    return Problem(str(row.id) or f"question-{number}", text, "")


def saving(
    results: Iterable[Answered], path: Path | None, on_event: Listener = ignore
) -> Iterator[Answered]:
    """Yield the results; their trees are written at the end, also if an error is the end.

    If a search was ended before it was finished, a `Notice` says how to go on from its tree, or a
    note on the `KeyboardInterrupt` says what was saved.

    Raises:
        RunError: The file cannot be written.
    """
    saved: list[Answered] = []
    try:
        for result in results:
            saved.append(result)
            yield result
    except BaseException as error:
        _save(path, saved)
        if isinstance(error, KeyboardInterrupt):
            error.add_note(_what_is_saved(path, saved))
        raise
    _save(path, saved)
    if path and any(each.tree.nodes and each.tree.ended in CUT for each in saved):
        on_event(Notice(_what_is_saved(path, saved)))


def _save(path: Path | None, results: Sequence[Answered]) -> None:
    if path and results:
        write_tree_file(path, [result.tree for result in results])


def _what_is_saved(path: Path | None, results: Sequence[Answered]) -> str:
    trees = sum(bool(result.tree.nodes) for result in results)
    if not path or not trees:
        return "the search was not finished" + (", so nothing was saved" if path else "")
    what = f"{path} holds " + ("the search tree" if trees == 1 else f"{trees} search trees")
    how = f"; go on with --from {path} in place of the question"
    return what + (how if results[0].warm_start else "")


def answer_row(result: Answered, rule: str, *, every: bool) -> Mapping[str, Any]:
    """The answer to a question and what it cost, with `every` candidate on request."""
    best = result.best
    row = {
        "id": result.problem.id,
        "question": result.problem.prompt,
        "answer": result.answer,
        "response": best.response if best else None,
        "confidence": result.confidence,
        "rule": rule,
        "responses": len(result.candidates),
        "samples": result.samples,
        "cut": result.cut,
        "tokens": result.tokens,
        "seconds": round(result.seconds, 3),
        "ended": result.tree.ended,
        "partial": result.partial,
        "failure": result.failure,
    }
    return row | ({"candidates": list(_candidates(result))} if every else {})


def _candidates(result: Answered) -> Iterator[Mapping[str, Any]]:
    for found in result.candidates:
        candidate = found.candidate
        yield {
            "answer": found.answer,
            "read": found.read,
            "class": candidate.vote,
            "score": candidate.score,
            "samples": candidate.samples,
            "reward": candidate.reward,
            "logprob": candidate.logprob,
            "tokens": candidate.tokens,
            "node": found.node,
            "response": found.response,
        }


def verdict_row(tree: SearchTree) -> Mapping[str, Any]:
    """The best answer of a tree with verdicts, its verdict, and the size of the search."""
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
