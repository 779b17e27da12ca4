"""Texts in which a problem, and what was written of it, are to stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with each `{key}` of `values` replaced at once: no value is read as one."""
    keys = "|".join(map(re.escape, values))
    return re.sub(rf"\{{({keys})\}}", lambda found: values[found[1]], template)


def _holds_both(template: str) -> str:
    if "{problem}" not in template or "{solution}" not in template:
        raise ValueError("expected {problem} and {solution} in it")
    return template


SolutionTemplate = Annotated[str, AfterValidator(_holds_both)]
"""With `{problem}` and `{solution}` where they are to stand."""
