"""Everything that the command line prints, in which text from elsewhere is shown literally."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from astro.text import one_line, plain

if TYPE_CHECKING:
    from rich.console import RenderableType

PIPE_WIDTH = 100


def say(line: str, *, err: bool = False) -> None:
    """Print one line, whatever line ends and control characters it holds."""
    print(one_line(line), file=sys.stderr if err else sys.stdout)


def say_block(block: str, *, err: bool = False) -> None:
    """Print several lines, with a visible stand-in for each control character."""
    print(plain(block).removesuffix("\n"), file=sys.stderr if err else sys.stdout)


def say_json(value: Any, *, indent: int | None = 2) -> None:
    """Print a value as JSON in ASCII; dataclasses are objects, and paths are strings."""
    import msgspec

    plain_data = msgspec.to_builtins(value, enc_hook=str, str_keys=True)
    print(json.dumps(plain_data, indent=indent), flush=True)


def print_all(*parts: RenderableType) -> None:
    """Print on stdout what rich can render."""
    from rich.console import Console

    console = Console(width=width())
    for part in parts:
        console.print(part, crop=False)


def width() -> int:
    """The number of columns of stdout."""
    from rich.console import Console

    console = Console()
    return (console.is_terminal and console.width) or PIPE_WIDTH


def write_out_what_cannot_be_encoded() -> None:
    """Let stdout and stderr write an escape for a character that their encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def usage_errors_in_one_line() -> Iterator[None]:
    """Make the message of a click error safe to print: it may quote an argument."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise  # its message is the help of a command
    except click.UsageError as error:
        raise click.UsageError(one_line(error.format_message()), error.ctx) from None
    except click.ClickException as error:
        raise click.ClickException(one_line(error.format_message())) from None
