from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from astro.types import SegmentKind
from astro_linearize.merge import Visit, cut, merge, shared_steps

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


def test_back_to_the_root_every_time() -> None:
    paths = [(2, 7), (1, 3), (1, 4, 5)]
    assert in_short(merge(paths, "root")) == "2 7 ?7 <0 1 3 ?3 <0 1 4 5"


def test_a_cut_path_keeps_a_step_of_its_own() -> None:
    paths = [(1, 2, 3, 4), (1, 2, 5, 6, 7, 8), (9, 10)]
    drawn = {tuple(cut(paths, 1.0, Random(seed))) for seed in range(40)}
    assert drawn == {((1, 2, 3), (1, 2, 5, *end), (9, 10)) for end in [(), (6,), (6, 7)]}
    assert cut(paths, 0.0, Random(0)) == paths


def test_a_path_whose_last_step_alone_is_its_own_is_not_cut() -> None:
    assert cut([(1, 2), (1, 3)], 1.0, Random(0)) == [(1, 2), (1, 3)]


@given(st.floats(0, 1), st.integers(0, 10**6))
def test_cut_paths_stay_distinct_and_the_last_whole(share: float, seed: int) -> None:
    paths = [(1, 2, 3, 4), (1, 2, 5), (1, 6, 7, 8), (1, 6, 9)]
    left = cut(paths, share, Random(seed))
    assert left[-1] == paths[-1]
    for whole, short, after in zip(paths, left, left[1:], strict=False):
        assert whole[: len(short)] == short
        assert shared_steps(short, after) < min(len(short), len(after))
