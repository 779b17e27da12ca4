"""Templates of texts that contain a problem and its solution."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator


def filled(template: str, values: Mapping[str, str]) -> str:
    """Replace each `{key}` of `values`, all in one pass: braces in a value stay as they are."""
    keys = "|".join(map(re.escape, values))
    return re.sub(rf"\{{({keys})\}}", lambda found: values[found[1]], template)


def _holds_both(template: str) -> str:
    if "{problem}" not in template or "{solution}" not in template:
        raise ValueError("expected {problem} and {solution} in it")
    return template


SolutionTemplate = Annotated[str, AfterValidator(_holds_both)]
"""A text in which `{problem}` and `{solution}` stand for the two."""
