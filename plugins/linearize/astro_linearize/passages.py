"""Traces as numbered notes, and what a policy wrote of them as passages. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from astro.types import Problem, Segment, SegmentKind
from astro_linearize.examples import Example
from astro_linearize.params import RewriteParams

_NAMES = {
    SegmentKind.STEP: "step",
    SegmentKind.REFLECTION: "doubt",
    SegmentKind.BACKTRACK: "return",
}
_MARK = re.compile(r"^[ \t]*\[(\d{1,4})\][ \t]*", re.MULTILINE)


def question(problem: Problem, segments: Sequence[Segment], params: RewriteParams) -> str:
    """What the policy is asked: instruction, examples, then the notes of this trace."""
    shown = [_shown(example) for example in params.examples]
    asked = Example(problem=problem.prompt, notes=notes(segments), rewriting="")
    return "\n\n".join([params.instruction, *shown, _shown(asked)]).rstrip()


def notes(segments: Sequence[Segment]) -> str:
    """A numbered line for each segment, from 1 on: `[1] step: 3 + 5 = 8`."""
    return "\n".join(
        f"[{number}] {_NAMES[segment.kind]}: {' '.join(segment.text.split())}"
        for number, segment in enumerate(segments, start=1)
    )


def passages(reply: str, count: int) -> list[str] | None:
    """The passages of a reply, without their numbers; None unless they are 1 to `count`, in order,
    none of them empty, and nothing else stands before the first."""
    before, *parts = _MARK.split(reply)
    numbers, texts = parts[::2], [text.strip() for text in parts[1::2]]
    in_order = numbers == [str(number) for number in range(1, count + 1)]
    return texts if in_order and all(texts) and not before.strip() else None


def _shown(example: Example) -> str:
    return (
        f"Problem:\n{example.problem}\n\nNotes:\n{example.notes}\n\nWritten out:\n"
        f"{example.rewriting}"
    )
