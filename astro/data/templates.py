"""Templates of text with a problem and its solution."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator


def filled(template: str, values: Mapping[str, str]) -> str:
    """Replace each `{key}` of `values` in a single pass, so braces within values are kept."""
    keys = "|".join(map(re.escape, values))
    return re.sub(rf"\{{({keys})\}}", lambda found: values[found[1]], template)


def _holds_both(template: str) -> str:
    if "{problem}" not in template or "{solution}" not in template:
        raise ValueError("expected a text with {problem} and {solution}")
    return template


SolutionTemplate = Annotated[str, AfterValidator(_holds_both)]
"""A text with the placeholders `{problem}` and `{solution}`."""
