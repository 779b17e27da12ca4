"""The problems of a rehearsal, and the traces that a small random model is taught.

A random model solves nothing, so a rehearsal with one would have no solved tree, trace or reward.
It is therefore taught right and wrong responses to these few problems by heart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from astro.data.problem_sets import SOLUTION, with_prompt
from astro.errors import AstroError
from astro.files import write_lines, write_plain_lines
from astro.interfaces import ProblemSolver, ProblemSource, StepFormat
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.registry import Registry
from astro.rehearsal.materials import Materials
from astro.rehearsal.rehearsable import RehearsalScale
from astro.requests import Verify
from astro.types import Problem, Segment
from astro.verification.pool import VerifierPool

_OPENINGS = ("First we write down what we know.", "Let us begin with a small case.")
_WORDINGS = ("\\boxed{{{}}}", "The answer is {}", "{}", "<answer>{}</answer>", "answer {}")
_WRONG = ("7", "11", "x")
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
    """The first problems of each split, and why they are our own if the source gives none.

    Returns:
        The problems by split, and an empty string where they are the source's.
    """
    try:
        source: ProblemSource = registry.build("problems", binding)
        few = RehearsalScale().problems
        found = {s: _with_solutions(source, list(source.load(s))[:few]) for s in splits}
    except AstroError as error:
        return own_problems(splits), error.message
    empty = next((split for split, problems in found.items() if not problems), None)
    return (own_problems(splits), f"there are no {empty} problems") if empty else (found, "")


def _with_solutions(source: ProblemSource, problems: Sequence[Problem]) -> list[Problem]:
    """The problems, with a solution in their metadata where the source knows one."""
    if not isinstance(source, ProblemSolver):
        return list(problems)
    return [replace(p, metadata={**p.metadata, SOLUTION: source.solution(p)}) for p in problems]


def own_problems(splits: Sequence[str]) -> dict[str, list[Problem]]:
    """Three word problems for each split, whose answers are numbers."""
    wording = _WORDINGS[0]
    return {
        split: [
            Problem(
                f"rehearsal-{split}-{number}", prompt, answer, {SOLUTION: wording.format(answer)}
            )
            for number, (prompt, answer) in enumerate(_OWN[split])
        ]
        for split in splits
    }


def write_problems(materials: Materials, problems: Mapping[str, Sequence[Problem]]) -> None:
    """Write one JSON Lines file for each split."""
    for split, rows in problems.items():
        write_plain_lines(
            materials.problems(split),
            ({**p.metadata, "id": p.id, "prompt": p.prompt, "answer": p.answer} for p in rows),
        )


def write_lessons(
    materials: Materials,
    problems: Mapping[str, Sequence[Problem]],
    verifier: VerifierBinding,
    step_format: StepFormat,
) -> int:
    """Write a traces file with equal numbers of right and wrong responses to each problem.

    Returns:
        The number of problems to which the verifier accepts at least one response.
    """
    every = list({problem.id: problem for rows in problems.values() for problem in rows}.values())
    accepted = _accepted(every, verifier, [_candidates(problem) for problem in every])
    write_lines(
        materials.lessons,
        (
            _row(question, steps)
            for problem, numbers in zip(every, accepted, strict=True)
            for question in _questions(problem, step_format)
            for steps in _responses(problem, numbers, step_format.stop[0])
        ),
    )
    return sum(map(bool, accepted))


def _questions(problem: Problem, step_format: StepFormat) -> list[str]:
    """The user messages that state the problem, with and without worked examples."""
    both = (with_prompt(problem, step_format, shots=shots).prompt for shots in (True, False))
    return list(dict.fromkeys(both))


def _candidates(problem: Problem) -> list[str]:
    """Responses that may be right: the answer in each wording, then the known solution, if any."""
    solution = problem.metadata.get(SOLUTION)
    known = [solution] if isinstance(solution, str) else []
    return [wording.format(problem.answer) for wording in _WORDINGS] + known


def _responses(problem: Problem, accepted: Sequence[int], stop: str) -> list[tuple[str, ...]]:
    """The steps of wrong responses, and of as many right ones if a candidate was accepted.

    A wrong response begins like a right one, so that a search finds both below one step.
    """
    right: list[tuple[str, ...]]
    first = accepted[0] if accepted else 0
    if first < len(_WORDINGS):
        wording, openings = _WORDINGS[first], [opening + stop for opening in _OPENINGS]
        right = [(opening, wording.format(problem.answer)) for opening in openings]
    else:
        solution = _steps(_candidates(problem)[first], stop)
        wording, openings, right = _WORDINGS[0], [solution[0]], [solution]
    answers = [wording.format(answer) for answer in _WRONG if answer != problem.answer]
    wrong: list[tuple[str, ...]] = [*product(openings, answers)]
    return wrong + right * (len(wrong) // len(right)) * bool(accepted)


def _steps(response: str, stop: str) -> tuple[str, ...]:
    """The response, cut after each occurrence of `stop`."""
    *steps, last = response.split(stop)
    return (*(step + stop for step in steps), *([last] if last else []))


def _accepted(
    problems: Sequence[Problem], verifier: VerifierBinding, responses: Sequence[Sequence[str]]
) -> list[list[int]]:
    """For each problem, the indices of the responses that the verifier finds correct."""
    accepted: list[list[int]] = [[] for _ in problems]
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
                    accepted[ticket // width].append(ticket % width)
    return [sorted(row) for row in accepted]


def _row(question: str, steps: Sequence[str]) -> dict[str, object]:
    """A line of a traces.jsonl."""
    return {
        "messages": [
            {"role": "user", "content": question},
            {"role": "assistant", "content": "".join(steps)},
        ],
        "segments": [Segment(step, node) for node, step in enumerate(steps, 1)],
    }
