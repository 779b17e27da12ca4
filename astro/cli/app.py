"""The `astro` command: its subcommands, and how errors are reported."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from textwrap import indent
from typing import Any, NoReturn

import click

from astro.cli.output import (
    say,
    say_block,
    usage_errors_in_one_line,
    write_out_what_cannot_be_encoded,
)
from astro.errors import BrokenPluginError, ConfigWarning
from astro.files import open_closed_streams
from astro.interruption import interruptible
from astro.leaving import leaving
from astro.plugins.hookspecs import COMMAND, Provider
from astro.plugins.registry import Entry, Registry, load
from astro.text import one_line, plain

COMMANDS = {
    "run": ("astro.cli.run:run", "Run a config: search, linearize, sft, rl, evaluate, report."),
    "compare": ("astro.cli.run:compare", "Compare searches at equal token budgets."),
    "rl": ("astro.cli.rl:rl", "Run a config up to its RL, or show what RL would be started with."),
    "evaluate": ("astro.cli.evaluate:evaluate", "Measure a policy on evaluation sets, no more."),
    "solve": ("astro.cli.solve:solve", "Search one problem and show the best answer."),
    "verify": ("astro.cli.verify:verify", "Verify a response, or a file of labeled pairs."),
    "plan": ("astro.cli.plan:plan", "Estimate what a config will take: tokens, hours, disk."),
    "migrate": ("astro.cli.migrate:migrate", "Rewrite runs of an older release in today's format."),
    "config": ("astro.cli.config:config", "Check a config file, or show it with its defaults."),
    "plugins": ("astro.cli.plugins:plugins", "List every plugin and whether it is ready."),
    "doctor": ("astro.cli.doctor:doctor", "Describe this machine and what is installed on it."),
}
"""Maps a name to (`"module:command"`, summary). A module is imported when its command is used."""


class LazyGroup(click.Group):
    """Imports a subcommand when it is used, and turns errors into messages and exit codes.

    Plugins can add subcommands but not replace those of the core, because they are looked up last.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse an argument whose bytes are no text, which no file of a run could hold."""
        for argument in args:
            if any("\ud800" <= character <= "\udfff" for character in argument):
                raise click.UsageError(f"an argument is not valid UTF-8: {argument!a}")
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of the core's commands, then those of plugins."""
        return [*COMMANDS, *(provider.name for provider in _of_plugins(Registry.discover()))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return the command of that name, or None if there is none."""
        if cmd_name in COMMANDS:
            module, _, attribute = COMMANDS[cmd_name][0].partition(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        registry = Registry.discover()
        if cmd_name not in (provider.name for provider in _of_plugins(registry)):
            return None
        return _plugin_command(registry.require(COMMAND, cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that `args` name, and suggest one if there is no such command."""
        wanted = args[0]
        unknown = not wanted.startswith("-") and self.get_command(ctx, wanted) is None
        if unknown and (close := get_close_matches(wanted, self.list_commands(ctx), n=1)):
            ctx.fail(f"No such command {wanted!r}; did you mean {close[0]}?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the summaries without importing a command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])
        if added := list(_of_plugins(Registry.discover())):
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(one_line(p.name), one_line(p.summary)) for p in added])

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the arguments of `astro` itself."""
        open_closed_streams()
        write_out_what_cannot_be_encoded()
        try:
            with usage_errors_in_one_line():
                return super().make_context(*args, **kwargs)
        except BrokenPipeError:
            raise
        except OSError as error:  # a help text could not be printed
            code, lines = leaving(error, None)
            say(*lines, err=True)
            sys.exit(code)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and leave with one line and an exit code if it fails."""
        arrived: list[KeyboardInterrupt] = []
        try:
            with _warnings_in_one_line(), usage_errors_in_one_line(), interruptible() as arrived:
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except (KeyboardInterrupt, Exception) as error:  # the outermost boundary
            _leave(ctx, *leaving(arrived[-1] if arrived else error, ctx.invoked_subcommand))


def _of_plugins(registry: Registry) -> Iterator[Provider]:
    """The commands that plugins add."""
    for entry in registry.entries:
        if entry.provider.kind == COMMAND and entry.provider.name not in COMMANDS:
            yield entry.provider


def _plugin_command(entry: Entry) -> click.Command:
    """Import a plugin's command. Raises `BrokenPluginError`."""
    command = load(entry, entry.provider.target)
    if not isinstance(command, click.Command):
        raise BrokenPluginError(
            f"command {entry.provider.name!r} of {entry.distribution} {entry.version} is broken: "
            f"{entry.provider.target} is not a click command"
        )
    return command


@contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Print each warning about a config once, without the source location that Python adds."""
    with warnings.catch_warnings():
        shown = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
            if issubclass(category, ConfigWarning):
                say(f"warning: {message}", err=True)
            else:
                shown(message, category, *place)

        warnings.showwarning = show  # type: ignore[assignment]
        warnings.simplefilter("default", ConfigWarning)
        yield


def _leave(ctx: click.Context, code: int, lines: list[str]) -> NoReturn:
    if ctx.params["debug"]:
        # It is indented, so that no text quoted in it passes for a line of ours.
        say_block(indent(plain(traceback.format_exc()), "  "), err=True)
    for line in lines:
        say(line, err=True)
    ctx.exit(code)


_COMPLETION = (
    'Completion in bash: eval "$(_ASTRO_COMPLETE=bash_source astro)". In zsh, write zsh_source; in '
    "fish: _ASTRO_COMPLETE=fish_source astro | source."
)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_COMPLETION,
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="astro-reasoner", prog_name="astro")
def main(debug: bool) -> None:  # noqa: ARG001 - read where errors leave
    """Teach a language model to search, reflect and backtrack in its own chain of thought."""
    # Keeps idle OpenMP threads from spinning on cores that verifiers need. Read by torch on import.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
