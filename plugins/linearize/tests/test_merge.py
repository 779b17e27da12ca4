from __future__ import annotations

from astro.types import SegmentKind
from astro_linearize.merge import Visit, merge, shared_steps

STEP, REFLECTION, BACKTRACK = SegmentKind.STEP, SegmentKind.REFLECTION, SegmentKind.BACKTRACK


def in_short(visits: list[Visit]) -> str:
    mark = {STEP: "", REFLECTION: "?", BACKTRACK: "<"}
    return " ".join(f"{mark[visit.kind]}{visit.node}" for visit in visits)


def test_shared_steps() -> None:
    assert shared_steps((1, 4, 5), (1, 4, 6)) == 2
    assert shared_steps((1, 4, 5), (1, 3)) == 1
    assert shared_steps((1, 4, 5), (2, 7)) == 0


def test_one_path_is_walked_as_it_is() -> None:
    assert in_short(merge([(1, 4, 5)])) == "1 4 5"


def test_back_to_the_root_and_to_a_deeper_ancestor() -> None:
    assert in_short(merge([(2, 7), (1, 3), (1, 4, 5)])) == "2 7 ?7 <0 1 3 ?3 <1 4 5"


def test_siblings_of_the_answer_leave_one_step_to_walk() -> None:
    assert in_short(merge([(1, 4, 6), (1, 4, 5)])) == "1 4 6 ?6 <4 5"


def test_a_path_left_and_taken_up_again_is_walked_from_the_common_ancestor() -> None:
    assert in_short(merge([(1, 3), (2, 7), (1, 4, 5)])) == "1 3 ?3 <0 2 7 ?7 <0 1 4 5"
