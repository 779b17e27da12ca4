"""The command line, and the only place that prints. What it does is a function of `astro` first."""

from astro.cli.app import main

__all__ = ["main"]
