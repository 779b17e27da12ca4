"""Instruction and few-shot examples for the rewriting of traces."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from astro.plugins.params import Params


class FewShot(Params):
    """A few-shot example: a problem, numbered notes of a search, and their rewriting as prose."""

    problem: str
    notes: Annotated[str, Field(description="one line per note: [1] step: ...")]
    rewriting: Annotated[
        str, Field(description="one passage per note, each starting with the number of the note")
    ]


INSTRUCTION = """\
Write out the notes of a search for the solution of a problem as one flowing chain of thought, in
the first person, as someone who thinks aloud.

- Each note becomes one passage. Begin each with the number of its note in brackets, in order.
- Keep every number, formula and \\boxed{} of a step. Add no step, number or result of your own.
- A note `doubt` becomes a moment of doubt about the path so far.
- A note `return` becomes an explicit return to the step that it names. Keep its words for that."""

EXAMPLES = (
    FewShot(
        problem="A box holds 3 red and 5 blue pens. In how many ways can 2 of one colour be drawn?",
        notes="""\
[1] step: There are 3 * 5 = 15 ways to draw one pen of each colour.
[2] step: So the answer is \\boxed{15}.
[3] doubt: But wait, are we solving the problem correctly so far? Hmm...
[4] return: Let's go back to the beginning and try another way.
[5] step: Two red pens: 3 ways. Two blue pens: 10 ways.
[6] step: In all 3 + 10 = 13, so the answer is \\boxed{13}.""",
        rewriting="""\
[1] Let me think about how pens of the two colours can be paired. There are 3 * 5 = 15 ways to
draw one pen of each colour.
[2] That would make the answer \\boxed{15}.
[3] But wait, are we solving the problem correctly so far? Hmm... The pens should be of one colour,
and I paired different ones.
[4] Let's go back to the beginning and try another way.
[5] I take the colours one at a time. Two red pens can be drawn in 3 ways, two blue pens in 10.
[6] Together that is 3 + 10 = 13, so the answer is \\boxed{13}.""",
    ),
)
