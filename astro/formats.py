"""The format of what a run leaves on disk: its files, its config and its journal.

Each carries the number of the format that it was written in; what carries none is of format 1.
Readers accept every format up to `FORMAT` and fill in defaults for what an older one lacks. A
change that an older release would misread, or that a newer one could not read without being told,
takes a new number.
"""

from __future__ import annotations

from astro.errors import FormatError

FORMAT = 2
"""The format that this release writes."""
FIRST = 1
"""The format of what carries no number."""


def check_format(found: object, where: object) -> None:
    """Raise `FormatError`, which names `where`, if a newer release wrote it.

    A `found` that is no integer says nothing about a format.
    """
    if isinstance(found, int) and found > FORMAT:
        raise FormatError(
            f"{where} was written by a newer ASTRO (format {found}; this one reads up to {FORMAT})",
            "upgrade with pip install -U astro-reasoner",
        )
