"""All errors that ASTRO raises. A message says what was wrong, and a hint says what to do next."""

from __future__ import annotations


class AstroError(Exception):
    """An error that a user can act on.

    The command line prints it in one line and exits with code 2.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class ConfigError(AstroError):
    """An invalid config. The message lists every problem that was found, one per line.

    `lines` are those lines; a problem may quote text that holds line ends itself.
    """

    def __init__(self, problems: list[str], source: str = "") -> None:
        where = f"{source}: " if source else ""
        self.lines = [f"{where}{problem}" for problem in problems]
        super().__init__("\n".join(self.lines))
        self.problems = problems


class PluginError(AstroError):
    """A plugin that is named in a config cannot be used."""


class UnknownPluginError(PluginError):
    """No installed plugin provides this name."""


class ConflictingPluginsError(PluginError):
    """Two installed distributions provide the same name."""


class BrokenPluginError(PluginError):
    """A plugin's module failed to import, or its hook failed."""


class MissingEngineError(PluginError):
    """A plugin is installed, but a package that it needs is not."""


class PolicyError(AstroError):
    """A policy could not be built, or its backend was lost."""


class VerifierError(AstroError):
    """A verifier could not start, or so many verdicts are faults that rewards are meaningless."""


class JournalError(AstroError):
    """The journal is corrupt, or belongs to another run."""


class RunError(AstroError):
    """A run's folder cannot be used, or the run had to stop."""


class FormatError(AstroError):
    """A file that a newer release wrote."""


class ConfigWarning(FutureWarning):
    """A config that the next release will not read as it is. The command line shows one line."""


class ProblemError(AstroError):
    """Problems cannot be read from their source."""


class TrainingError(AstroError):
    """Training could not start or continue."""
