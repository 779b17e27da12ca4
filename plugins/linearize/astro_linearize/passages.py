"""Prompts for rewriting, with traces as numbered notes, and the passages of a reply."""

from __future__ import annotations

import re
from collections.abc import Sequence

from astro.types import Problem, Segment, SegmentKind
from astro_linearize.examples import FewShot
from astro_linearize.params import RewriteParams

_NAMES = {
    SegmentKind.STEP: "step",
    SegmentKind.REFLECTION: "doubt",
    SegmentKind.BACKTRACK: "return",
}
_MARK = re.compile(r"^[ \t]*\[(\d{1,4})\][ \t]*", re.MULTILINE)


def question(problem: Problem, segments: Sequence[Segment], params: RewriteParams) -> str:
    """Return the prompt: instruction, few-shot examples, then the notes of this trace."""
    shown = [_shown(example) for example in params.examples]
    asked = FewShot(problem=problem.prompt, notes=notes(segments), rewriting="")
    return "\n\n".join([params.instruction, *shown, _shown(asked)]).rstrip()


def notes(segments: Sequence[Segment]) -> str:
    """Return one numbered line per segment, counted from 1: `[1] step: 3 + 5 = 8`."""
    return "\n".join(
        f"[{number}] {_NAMES[segment.kind]}: {' '.join(segment.text.split())}"
        for number, segment in enumerate(segments, start=1)
    )


def passages(reply: str, count: int) -> list[str] | None:
    """Return the passages of a reply without their numbers; None if the reply is malformed.

    The numbers must be 1 to `count` in order, no passage may be empty, and no other text may
    precede the first one.
    """
    before, *parts = _MARK.split(reply)
    numbers, texts = parts[::2], [text.strip() for text in parts[1::2]]
    in_order = numbers == [str(number) for number in range(1, count + 1)]
    return texts if in_order and all(texts) and not before.strip() else None


def _shown(example: FewShot) -> str:
    return (
        f"Problem:\n{example.problem}\n\nNotes:\n{example.notes}\n\nWritten out:\n"
        f"{example.rewriting}"
    )
