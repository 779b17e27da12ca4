"""Shows a run: as a page, live, in the terminal, and in the formats of other tools."""

from __future__ import annotations

from astro.plugins.hookspecs import Provider, hookimpl


@hookimpl
def astro_providers() -> list[Provider]:
    """The stage that writes the report."""
    return []
