"""`astro view`: a local page over all runs of a folder."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import webbrowser
from pathlib import Path

import click

from astro.errors import RunError
from astro.plugins.registry import Registry
from astro.text import one_line

HOST = "127.0.0.1"


@click.command()
@click.argument("runs", type=click.Path(path_type=Path), default="runs")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="The port to listen on; a free one if it is not given.",
)
@click.option("--no-browser", is_flag=True, help="Do not open the page; only print its address.")
def view(runs: Path, port: int, *, no_browser: bool) -> None:
    """Show all runs in the folder RUNS as a local page, also while they are at work.

    The page is served to this machine alone, to whoever has the address that is printed. Nothing
    is written to the folder. Ctrl-C ends it.
    """
    if not runs.is_dir():
        raise RunError(f"there is no folder {runs}", "give the folder that contains the runs")
    if (runs / "config.yaml").is_file():
        raise RunError(f"{runs} is a run", f"give the folder that contains it: {runs.parent}")
    with contextlib.closing(listening(port)) as listener:
        serve(runs, listener, open_page=not no_browser)


def listening(port: int) -> socket.socket:
    """Return a socket that listens on a port of this machine.

    Raises:
        RunError: The port is in use, or may not be used.
    """
    listener = socket.socket()
    try:
        if os.name != "nt":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        why = f"port {port} of {HOST} cannot be used ({error.strerror})"
        raise RunError(why, "give another --port, or none for a free one") from error
    return listener


def serve(runs: Path, listener: socket.socket, *, open_page: bool) -> None:
    """Serve the runs until Ctrl-C."""
    import uvicorn

    from astro_report.server import Viewer, application

    port = listener.getsockname()[1]
    viewer = Viewer(runs.resolve(), Registry.discover())
    address = f"http://{HOST}:{port}/?token={viewer.token}"
    click.echo(one_line(f"The runs in {runs} are shown at {address}"))
    click.echo("Ctrl-C ends it.")
    sys.stdout.flush()
    if open_page and _has_display():
        webbrowser.open(address)
    config = uvicorn.Config(
        application(viewer, port),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run([listener])


def _has_display() -> bool:
    """Whether a browser would open a window of its own, and not take this terminal."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
