"""What a rehearsal works on: a few problems, and responses to them that a random model learns by
heart, so that there are solved trees, wrong paths and rewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from astro.binding import Binding, VerifierBinding
from astro.cli.standins import PROBLEMS, Materials
from astro.errors import AstroError
from astro.files import write_lines
from astro.interfaces import ProblemSource, StepFormat
from astro.pipeline.problem_sets import asked
from astro.registry import Registry
from astro.requests import Verify
from astro.types import Problem, Segment
from astro.verification import VerifierPool

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
    """The first problems of each split, and, if the source gives none, why they are our own."""
    try:
        source: ProblemSource = registry.build("problems", binding)
        found = {split: list(source.load(split))[:PROBLEMS] for split in splits}
    except AstroError as error:
        return own_problems(splits), error.message
    empty = next((split for split, problems in found.items() if not problems), None)
    return (own_problems(splits), f"there are no {empty} problems") if empty else (found, "")


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
    """A traces file of right and wrong responses. Returns to how many problems the verifier takes
    one for right."""
    every = {problem.id: problem for rows in problems.values() for problem in rows}
    endings = _endings(list(every.values()), verifier)
    write_lines(
        materials.lessons,
        (
            _row(question, (opening + step_format.stop[0], ending))
            for problem in every.values()
            for question in _questions(problem, step_format)
            for opening in _OPENINGS
            for ending in endings[problem.id]
        ),
    )
    return sum(len(set(found)) > len(_WRONG) for found in endings.values())


def _questions(problem: Problem, step_format: StepFormat) -> list[str]:
    """The user messages that the problem is asked in, with and without examples."""
    both = (asked(problem, step_format, shots=shots).prompt for shots in (True, False))
    return list(dict.fromkeys(both))


def _endings(problems: Sequence[Problem], verifier: VerifierBinding) -> dict[str, list[str]]:
    """By problem: a last step that the verifier finds right, as often as all wrong ones together,
    and the wrong ones. Without the right one where no wording passes."""
    right = _judged(problems, verifier, [[w.format(p.answer) for w in _WORDINGS] for p in problems])
    found = {}
    for problem, passing in zip(problems, right, strict=True):
        wording = _WORDINGS[passing[0]] if passing else _WORDINGS[0]
        wrong = [wording.format(answer) for answer in _WRONG if answer != problem.answer]
        found[problem.id] = [wording.format(problem.answer)] * len(wrong) * bool(passing) + wrong
    return found


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
