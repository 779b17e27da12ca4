"""What a rehearsal works on: a few problems, and responses to them that a random model learns by
heart, so that there are solved trees, wrong paths and rewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from astro.data.problem_sets import with_prompt
from astro.errors import AstroError
from astro.files import write_lines
from astro.interfaces import ProblemSolver, ProblemSource, StepFormat
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.registry import Registry
from astro.rehearsal.stand_ins import PROBLEMS, Materials
from astro.requests import Verify
from astro.types import Problem, Segment
from astro.verification.pool import VerifierPool

_OPENINGS = ("First we write down what we know.", "Let us begin with a small case.")
_WORDINGS = ("\\boxed{{{}}}", "The answer is {}", "{}", "<answer>{}</answer>", "answer {}")
_WRONG = ("7", "11", "x")
_SOLUTION = "solution"
"""Where a problem's metadata may hold a right response: many datasets name it so."""
_OWN: Mapping[str, Sequence[tuple[str, str]]] = {
    "train": (
        ("A tray holds 4 rows of 6 eggs. How many eggs are on two trays?", "48"),
        ("What is the remainder when 100 is divided by 9?", "1"),
        ("A rectangle is 3 wide and 8 long. What is its perimeter?", "22"),
    ),
    "dev": (
        ("How many even numbers lie between 1 and 31?", "15"),
        ("What is half of a third of 90?", "15"),
        ("A train leaves at noon and arrives 95 minutes later. How many minutes past one?", "35"),
    ),
    "test": (
        ("Anna is twice as old as Ben, who is 13. How old is she in 4 years?", "30"),
        ("What is the sum of the first five odd numbers?", "25"),
        ("How many corners do three cubes have together?", "24"),
    ),
}


def first_problems(
    registry: Registry, binding: Binding, splits: Sequence[str]
) -> tuple[dict[str, list[Problem]], str]:
    """The first problems of each split, and, if the source gives none, why they are our own."""
    try:
        source: ProblemSource = registry.build("problems", binding)
        found = {split: _known(source, list(source.load(split))[:PROBLEMS]) for split in splits}
    except AstroError as error:
        return own_problems(splits), error.message
    empty = next((split for split, problems in found.items() if not problems), None)
    return (own_problems(splits), f"there are no {empty} problems") if empty else (found, "")


def _known(source: ProblemSource, problems: Sequence[Problem]) -> list[Problem]:
    """The problems, with their solutions where the source knows them."""
    if not isinstance(source, ProblemSolver):
        return list(problems)
    return [replace(p, metadata={**p.metadata, _SOLUTION: source.solution(p)}) for p in problems]


def own_problems(splits: Sequence[str]) -> dict[str, list[Problem]]:
    """Problems of our own words, with numbers as answers."""
    return {
        split: [
            Problem(f"rehearsal-{split}-{number}", prompt, answer)
            for number, (prompt, answer) in enumerate(_OWN[split])
        ]
        for split in splits
    }


def write_problems(materials: Materials, problems: Mapping[str, Sequence[Problem]]) -> None:
    """A file for each split, as `jsonl` reads it."""
    for split, rows in problems.items():
        write_lines(
            materials.problems(split),
            ({**p.metadata, "id": p.id, "prompt": p.prompt, "answer": p.answer} for p in rows),
        )


def write_lessons(
    materials: Materials,
    problems: Mapping[str, Sequence[Problem]],
    verifier: VerifierBinding,
    step_format: StepFormat,
) -> int:
    """A traces file of right and wrong responses, as many of each. Returns to how many problems the
    verifier takes one for right."""
    every = list({problem.id: problem for rows in problems.values() for problem in rows}.values())
    passing = _judged(every, verifier, [_candidates(problem) for problem in every])
    write_lines(
        materials.lessons,
        (
            _row(question, steps)
            for problem, numbers in zip(every, passing, strict=True)
            for question in _questions(problem, step_format)
            for steps in _responses(problem, numbers, step_format.stop[0])
        ),
    )
    return sum(map(bool, passing))


def _questions(problem: Problem, step_format: StepFormat) -> list[str]:
    """The user messages that the problem is asked in, with and without examples."""
    both = (with_prompt(problem, step_format, shots=shots).prompt for shots in (True, False))
    return list(dict.fromkeys(both))


def _candidates(problem: Problem) -> list[str]:
    """What may pass for right: the answer in each wording, then the solution, if one is known."""
    solution = problem.metadata.get(_SOLUTION)
    known = [solution] if isinstance(solution, str) else []
    return [wording.format(problem.answer) for wording in _WORDINGS] + known


def _responses(problem: Problem, passing: Sequence[int], stop: str) -> list[tuple[str, ...]]:
    """The steps of wrong responses, and of as many right ones if a candidate passes. A wrong one
    begins as a right one does."""
    right: list[tuple[str, ...]]
    first = passing[0] if passing else 0
    if first < len(_WORDINGS):
        wording, openings = _WORDINGS[first], [opening + stop for opening in _OPENINGS]
        right = [(opening, wording.format(problem.answer)) for opening in openings]
    else:
        solution = _steps(_candidates(problem)[first], stop)
        wording, openings, right = _WORDINGS[0], [solution[0]], [solution]
    answers = [wording.format(answer) for answer in _WRONG if answer != problem.answer]
    wrong: list[tuple[str, ...]] = [*product(openings, answers)]
    return wrong + right * (len(wrong) // len(right)) * bool(passing)


def _steps(response: str, stop: str) -> tuple[str, ...]:
    """The response cut behind each `stop`."""
    *steps, last = response.split(stop)
    return (*(step + stop for step in steps), *([last] if last else []))


def _judged(
    problems: Sequence[Problem], verifier: VerifierBinding, responses: Sequence[Sequence[str]]
) -> list[list[int]]:
    """For each problem the numbers of those of its responses that are right."""
    passing: list[list[int]] = [[] for _ in problems]
    width = max(map(len, responses))
    with VerifierPool(verifier.model_copy(update={"max_faults": 1.0})) as pool:
        pool.warm_up()
        for row, (problem, texts) in enumerate(zip(problems, responses, strict=True)):
            for column, text in enumerate(texts):
                pool.add(row * width + column, Verify(problem, text))
        left = sum(map(len, responses))
        while left:
            for ticket, verdict in pool.step(block=True):
                left -= 1
                if verdict.correct:
                    passing[ticket // width].append(ticket % width)
    return [sorted(row) for row in passing]


def _row(question: str, steps: Sequence[str]) -> dict[str, object]:
    """As in a run's traces.jsonl."""
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": "".join(steps)},
        ],
        "segments": [Segment(step, node) for node, step in enumerate(steps, 1)],
    }
