"""What can go wrong, as one tree. Each message says what was wrong; each hint what to do next."""

from __future__ import annotations


class AstroError(Exception):
    """An error that a user can act on. The command line shows it as one line and exits with 2."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class ConfigError(AstroError):
    """A configuration that cannot be run. Holds every problem found, one a line."""

    def __init__(self, problems: list[str], source: str = "") -> None:
        where = f"{source}: " if source else ""
        super().__init__("\n".join(f"{where}{problem}" for problem in problems))
        self.problems = problems


class PluginError(AstroError):
    """A name that cannot be turned into an implementation."""


class UnknownPluginError(PluginError):
    """Nobody provides this name."""


class ConflictingPluginsError(PluginError):
    """Two distributions provide the same name."""


class BrokenPluginError(PluginError):
    """The plugin's own code failed to import or to describe itself."""


class MissingEngineError(PluginError):
    """The plugin is there but a package it needs is not."""


class PolicyError(AstroError):
    """A policy backend could not be built, or was lost."""


class VerifierError(AstroError):
    """Too many verdicts are faults for rewards to mean anything."""


class JournalError(AstroError):
    """The journal is corrupt, or speaks of another run."""


class RunError(AstroError):
    """A run folder that cannot be used, or a run that had to stop."""


class ProblemError(AstroError):
    """A problem source that cannot be read."""


class TrainingError(AstroError):
    """Training could not start or go on."""
