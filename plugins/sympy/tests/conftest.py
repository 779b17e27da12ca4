"""What the tests of the verifier share."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from astro.types import Problem, Verdict
from astro_sympy.params import SympyParams
from astro_sympy.verifier import SympyVerifier

DATA = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture
def judge() -> Callable[..., Verdict]:
    """The verdict on a response, given the reference and any params."""

    def verdict(gold: str, response: str, **params: Any) -> Verdict:
        return SympyVerifier(SympyParams(**params)).verify(Problem("p", "", gold), response)

    return verdict


@pytest.fixture(scope="session")
def labelled() -> Callable[[str], Sequence[dict[str, Any]]]:
    """The rows of a file of labelled data; skips the test where the folder is absent."""

    def rows(name: str) -> Sequence[dict[str, Any]]:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"needs {path.name} in ../shared/data")
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    return rows
