"""The format of what a run leaves on disk: its files, its config and its journal.

Each carries the number of the format that it was written in. What carries none is of format 1.
Readers accept every format up to `FORMAT` and fill in defaults for what an older one lacks. A
change that an older release would misread, or that a newer one could not read without being told,
takes a new number.
"""

from __future__ import annotations

from astro.errors import RunError

FORMAT = 2
"""The format that this release writes."""
FIRST = 1
"""The format of what carries no number."""


def check_format(found: int, where: object) -> None:
    """Refuse what a newer release wrote. Raises `RunError`, which names `where`."""
    if found > FORMAT:
        raise RunError(
            f"{where} was written by a newer ASTRO (format {found}; this one reads up to {FORMAT})",
            "upgrade with pip install -U astro-reasoner",
        )
