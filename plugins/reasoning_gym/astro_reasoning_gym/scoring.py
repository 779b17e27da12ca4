"""Scoring of an answer by the task's scorer, or by our own rule if the scorer cannot be trusted.

A scorer returns at most 1.0. Only the full score counts as correct, since lower scores reward form
or closeness. Some scorers execute the model's text (`eval`, or sympy's `parse_expr`, which also
evaluates), and some return 1.0 for text that is not an answer. `RULES` replaces those; README.md
gives the reason for each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from types import MappingProxyType
from typing import Any

from astro_reasoning_gym.arithmetic import Unreadable, numbers, parse, value
from astro_reasoning_gym.tasks import Dataset, Entry

MAX_CHARACTERS = 10_000
_EXTREME = re.compile(r"(?i)(?<![a-z])(nan|inf|infinity)(?![a-z])|\de[+-]?\d{4}|\d{400}")
_LONG_REPEAT = re.compile(r"\d{3}")

Rule = Callable[[str, Entry], bool]


def correct(answer: str, entry: Entry, dataset: Dataset) -> bool:
    """Whether an answer is correct.

    Raises:
        Unreadable: The text is not safe to pass to a scorer.
    """
    if len(answer) > MAX_CHARACTERS:
        raise Unreadable(f"an answer longer than {MAX_CHARACTERS} characters")
    if rule := RULES.get(entry.task):
        return rule(answer, entry)
    if answer != entry.answer and _EXTREME.search(answer):
        raise Unreadable("not a number of reasonable size")
    if guard := GUARDS.get(entry.task):
        guard(answer, entry)
    metadata = deepcopy(dict(entry.metadata))
    if entry.task in _BOARDS:
        metadata["output"] = tuple(map(tuple, metadata["output"]))
    fields = {"answer": entry.answer, "metadata": metadata}
    return float(dataset.score_answer(answer, fields)) >= 1.0


def _same_text(answer: str, entry: Entry) -> bool:
    return answer == entry.answer.strip()


def _among_valid(answer: str, entry: Entry) -> bool:
    return answer in {str(valid).strip() for valid in entry.metadata["valid_answers"]}


def _same_json(answer: str, entry: Entry) -> bool:
    return bool(_json(answer) == json.loads(entry.answer))


def _same_numbers(answer: str, entry: Entry) -> bool:
    given = _json(answer.replace("'", '"'))
    if not isinstance(given, list):
        raise Unreadable("not a list of numbers")
    reference = json.loads(entry.answer.replace("'", '"'))
    return list(map(_number, given)) == list(map(_number, reference))


def _same_number(answer: str, entry: Entry) -> bool:
    return _number(answer) == _number(entry.answer)


def _makes_target(answer: str, entry: Entry) -> bool:
    """Whether it uses each given number once and equals the target, 24 if the task has none."""
    tree = parse(answer)
    given = sorted(map(int, entry.metadata["numbers"]))
    return numbers(tree) == given and value(tree) == entry.metadata.get("target", 24)


def _check_calculus(answer: str, entry: Entry) -> None:
    parse(answer, {str(entry.metadata["variable"]), "C", "pi", "E"})


def _check_polynomial(answer: str, entry: Entry) -> None:
    parse(answer, set(re.findall(r"[A-Za-z]+", entry.answer)))


def _check_moves(answer: str, entry: Entry) -> None:  # noqa: ARG001
    if _LONG_REPEAT.search(answer):
        raise Unreadable("a move is repeated too often")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("not JSON") from None


def _number(text: object) -> float:
    words = str(text).replace(",", "").strip("$ ")
    if not re.fullmatch(r"[-+]?\d{1,300}(\.\d{0,300})?", words):
        raise Unreadable("not a number")
    return float(words)


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "binary_matrix": _same_text,
        "countdown": _makes_target,
        "game_of_life": _same_json,
        "game_of_life_halting": _same_text,
        "gsm_symbolic": _same_number,
        "n_queens": _among_valid,
        "number_sorting": _same_numbers,
        "puzzle24": _makes_target,
        "spiral_matrix": _same_text,
        "string_insertion": _same_text,
    }
)
GUARDS: Mapping[str, Callable[[str, Entry], None]] = MappingProxyType(
    {
        "intermediate_integration": _check_calculus,
        "polynomial_multiplication": _check_polynomial,
        "rubiks_cube": _check_moves,
        "rush_hour": _check_moves,
        "simple_integration": _check_calculus,
    }
)
_BOARDS = {"arc_agi", "rearc"}
"""Tasks whose scorers compare tuples, which JSON turns into lists."""
