"""Words that leave an answer open."""

from __future__ import annotations

import pytest

from astro_sympy.reading.hedges import hedges


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("7", set()),
        (r"\text{not } 7", {"not"}),
        ("Maybe 7, perhaps 8", {"maybe", "perhaps"}),
        ("it isn't 7", {"isn't"}),
        ("7 or so", {"or so"}),
        ("at least 7", {"at least"}),
        ("anything but 7", {"anything but"}),
        (r"\text{all reals except } 0", {"except"}),
        ("nothing notable", set()),
        ("May", set()),
    ],
)
def test_hedges(text: str, found: set[str]) -> None:
    assert hedges(text) == found
