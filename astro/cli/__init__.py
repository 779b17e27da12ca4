"""The command line, the only part that prints. Everything it does is also a function of `astro`."""

from astro.cli.app import main

__all__ = ["main"]
