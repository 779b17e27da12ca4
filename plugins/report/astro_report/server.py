"""The local server of `astro view`: it shows runs to one person, and changes nothing."""

from __future__ import annotations

import contextlib
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from astro.errors import AstroError
from astro.plugins.registry import Registry
from astro.runs.folder import RunFolder
from astro.text import one_line
from astro_report import folders, overview
from astro_report.chunks import Embedded, json_bytes
from astro_report.live import LiveRun, etag
from astro_report.page import Bundle, Content, render
from astro_report.reading import modified
from astro_report.status import live_document

_KEPT = 8
"""The most runs whose lists are kept in memory."""
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
_NO_PAGE = "default-src 'none'; frame-ancestors 'none'"


@dataclass(slots=True)
class Viewer:
    """The runs in a folder, and the key without which nobody is shown them.

    Attributes:
        root: The folder of all runs.
        registry: The plugins to use.
        token: The key, which is in the address that the command prints.
    """

    root: Path
    registry: Registry
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    _runs: OrderedDict[Path, tuple[Lock, LiveRun]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def found(self, name: str) -> folders.Found | None:
        """The run of a name, which is looked up in the list of runs and never made a path."""
        return next((one for one in folders.find(self.root) if one.name == name), None)

    def run(self, folder: Path) -> tuple[Lock, LiveRun]:
        """The documents of a run, with the lock under which they are to be used."""
        with self._lock:
            known = self._runs.pop(folder, None)
            self._runs[folder] = known or (Lock(), LiveRun(RunFolder(folder), self.registry))
            if len(self._runs) > _KEPT:
                self._runs.popitem(last=False)
            return self._runs[folder]

    def solved(self, folder: RunFolder) -> tuple[int, int] | None:
        """The numbers of solved trees and of all trees of a run so far; None if it has none."""
        if folder.trees.exists():
            return overview.solved_trees(folder.trees, modified(folder.trees))
        if not folder.journal.exists():
            return None
        lock, live = self.run(folder.root)
        with lock:
            live.update()
            return live.solved()


def application(viewer: Viewer, port: int) -> ASGIApp:
    """The server of a viewer, which answers requests for this port of this machine alone."""
    routes = [
        Route("/", _answer(viewer, _index)),
        Route("/compare", _answer(viewer, _compare)),
        Route("/run/{rest:path}", _answer(viewer, _run)),
    ]
    return Starlette(routes=routes, middleware=[Middleware(_Guard, viewer=viewer, port=port)])


class _Guard:
    """Refuses what does not come from the person who started the server.

    A page of another site can make a browser send requests here: it knows neither the key nor the
    cookie, and a name of its own that leads here (DNS rebinding) is another `Host`.
    """

    def __init__(self, app: ASGIApp, viewer: Viewer, port: int) -> None:
        self._app = app
        self._viewer = viewer
        self._hosts = {f"{host}:{port}" for host in ("127.0.0.1", "localhost")}
        self._cookie = f"astro_view_{port}"  # cookies do not belong to a port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                known = {name.lower() for name, _ in message["headers"]}
                own = {"Content-Security-Policy": _NO_PAGE, **_HEADERS}
                message["headers"] += [
                    (name.lower().encode(), value.encode())
                    for name, value in own.items()
                    if name.lower().encode() not in known
                ]
            await send(message)

        refused = self._refused(Request(scope))
        await (refused or self._app)(scope, receive, guarded)

    def _refused(self, request: Request) -> Response | None:
        if request.headers.get("host", "") not in self._hosts:
            return PlainTextResponse("This server answers on this machine alone.", 400)
        if request.method not in ("GET", "HEAD"):
            return PlainTextResponse("This server only shows; it changes nothing.", 405)
        if self._is_key(request.cookies.get(self._cookie, "")):
            return None
        if request.url.path == "/" and self._is_key(request.query_params.get("token", "")):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(
                self._cookie, self._viewer.token, path="/", httponly=True, samesite="strict"
            )
            return answer
        return PlainTextResponse(
            "Open the address that astro view printed when it started: it holds the key.", 403
        )

    def _is_key(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._viewer.token.encode())


Handler = Callable[[Viewer, Request], Response]


def _answer(viewer: Viewer, handler: Handler) -> Callable[[Request], object]:
    """Run a handler in a thread; an error of ours becomes one line."""

    async def answer(request: Request) -> Response:
        try:
            return await run_in_threadpool(handler, viewer, request)
        except AstroError as error:
            return PlainTextResponse(one_line(str(error)), 503)
        except OSError as error:  # a file was replaced or deleted meanwhile
            return PlainTextResponse(one_line(f"{error.filename}: {error.strerror}"), 503)

    return answer


def _index(viewer: Viewer, request: Request) -> Response:
    rows = overview.rows(folders.find(viewer.root), viewer.registry, viewer.solved)
    bundle = Bundle.load()
    policy = bundle.policy(live=True, chunked=False, form=True)
    return _page(request, overview.index(viewer.root, rows, bundle, policy), policy)


def _compare(viewer: Viewer, request: Request) -> Response:
    names = request.query_params.getlist("run")
    chosen = [run for run in map(viewer.found, dict.fromkeys(names)) if run and run.is_run]
    found = sorted(chosen, key=lambda run: run.name)  # one order, so that no two wait in a circle
    if len(found) != 2:
        raise HTTPException(404, "Choose two runs to compare.")
    with contextlib.ExitStack() as locks:
        runs = dict[str, LiveRun]()
        for one in found:
            lock, runs[one.name] = viewer.run(one.folder)
            locks.enter_context(lock)
        return _shown(request, *overview.comparison(runs))


def _run(viewer: Viewer, request: Request) -> Response:
    """The page of a run or of a group of runs, or a document of a run.

    The path is taken as it was sent, since a name may hold an encoded slash.
    """
    path = request.scope["raw_path"].decode("ascii", "replace").partition("?")[0]
    encoded, slash, rest = path.removeprefix("/run/").partition("/")
    found = viewer.found(unquote(encoded))
    if found is None:
        raise HTTPException(404, "There is no such run.")
    if not slash:
        return RedirectResponse(f"/run/{encoded}/", 307)
    if not found.is_run and not rest:
        return _shown(request, *overview.group(found))
    lock, live = viewer.run(found.folder)
    with lock:
        live.update()
        if not rest:
            return _shown(request, live.content(), live=True)
        return _document(live, rest, request)


def _document(live: LiveRun, path: str, request: Request) -> Response:
    name = path.removeprefix("documents/")
    if path == "documents/live":
        content = json_bytes(live_document(live, request.query_params.getlist("document")))
        return _tagged(request, content, etag(str(content)))
    tag = live.tag(name) if name != path else None
    known = tag is not None and request.headers.get("if-none-match") == tag
    found = None if tag is None else b"" if known else live.document(name)
    if tag is None or found is None:
        raise HTTPException(404, "There is no such document.")
    return _tagged(request, found, tag)


def _shown(
    request: Request, content: Content, documents: Iterable[Embedded] = (), *, live: bool = False
) -> Response:
    bundle = Bundle.load()
    page = render(content, documents, live=live, home="/", bundle=bundle)
    return _page(request, page, bundle.policy(live=live, chunked=False))


def _page(request: Request, page: str, policy: str) -> Response:
    content = page.encode("utf-8", "replace")
    answer = _tagged(request, content, etag(page))
    answer.headers["Content-Type"] = "text/html; charset=utf-8"
    answer.headers["Content-Security-Policy"] = f"{policy}; frame-ancestors 'none'"
    return answer


def _tagged(request: Request, content: bytes, tag: str) -> Response:
    """A document with its tag, or without its content if the browser has it."""
    headers = {"ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type="application/json", headers=headers)
