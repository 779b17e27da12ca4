"""A real HTTP server in this process that speaks the OpenAI API, and faults on demand.

Its model is the scripted policy's; a prompt ends with a line `---` and the response begun so far.
"""

from __future__ import annotations

import gzip
import json
import math
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from astro.builtin.scripted import Line, complete
from astro.interfaces import Backend
from astro.plugins.binding import Binding
from astro.plugins.registry import Registry
from astro.requests import Generate
from astro.types import Completion, FinishReason, Prompt

TEMPLATE = "{prompt}\n---\n"
PIECE = re.compile(r"\n|[^\S\n]*[^\s]+|[^\S\n]+")
CONTEXT = 400
"""Characters that a prompt may have."""


def next_line(_user: str, response: str, draw: int) -> Line | None:
    """Two lines of thought and an answer, each one of two."""
    written = response.count("\n")
    if written > 2:
        return None
    lines = ("answer 1\n", "answer 2\n") if written == 2 else ("think\n", "ponder\n")
    return Line(lines[draw % 2], math.log(0.5))


class _HTTPServer(ThreadingHTTPServer):
    request_queue_size = 128  # with the default of 5, some of 64 connections at once fail


class FakeServer:
    """What the server does, and what it saw.

    `faults` holds the next faults in order; `always` is one that never ends. `dialect` names what
    is added to the plain API: `stop_reason`; `no_logprobs`, `no_n`, `no_usage` take away.
    """

    def __init__(self, port: int = 0) -> None:
        self.faults: deque[str] = deque()
        self.always = ""
        self.dialect: set[str] = set()
        self.key = ""
        self.delay = 0.0
        self.dies_after = math.inf
        self.retry_after = "0.3"
        self.between = ""
        self.owner = ""
        self.usage: object = ...
        self.stopped = False
        self.bodies: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.counts: Counter[str] = Counter()
        self.at_once = self.most_at_once = 0
        self.lock = threading.Lock()
        self.http = _HTTPServer(("127.0.0.1", port), self._handler())
        self.http.daemon_threads = True
        self.port = int(self.http.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self._thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no new connection, and answer nobody on an old one."""
        self.stopped = True
        self.always = "cut"
        self.http.shutdown()
        self.http.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                with server.lock:
                    server.counts["GET"] += 1
                if server.stopped:
                    self.close_connection = True
                elif self._authorized():
                    self._send(
                        200, {"object": "list", "data": [{"id": "m", "owned_by": server.owner}]}
                    )

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server.lock:
                    server.bodies.append(body)
                    server.times.append(time.monotonic())
                    server.at_once += 1
                    server.most_at_once = max(server.most_at_once, server.at_once)
                    fault = server.faults.popleft() if server.faults else server.always
                time.sleep(server.delay)
                if len(server.bodies) > server.dies_after:
                    server.stop()
                    fault = "cut"
                try:
                    if self._authorized():
                        self._fault(fault) if fault else self._answer(body)
                finally:
                    with server.lock:
                        server.at_once -= 1

            def _authorized(self) -> bool:
                given = self.headers.get("Authorization", "")
                if not server.key or given == f"Bearer {server.key}":
                    return True
                self._send(401, {"error": {"message": f"bad key {given}"}})
                return False

            def _fault(self, fault: str) -> None:
                match fault:
                    case "cut":
                        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{")
                        self.close_connection = True
                    case "garbage":
                        self._send_bytes(200, b'{"choices": [{"text": ')
                    case "no_choices":
                        self._send(200, {"error": {"message": "oops"}})
                    case "trickle":
                        self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                        with suppress(OSError):
                            while True:
                                self.wfile.write(b"1\r\n\n\r\n")
                                time.sleep(0.1)
                    case "slow":
                        time.sleep(1.0)
                        self._send(500, {"error": {"message": "too late"}})
                    case "429":
                        error = {"message": "slow down", "type": "rate_limit"}
                        self._send(429, {"error": error}, {"Retry-After": server.retry_after})
                    case "none" | "few" | "many" | "bomb" | "bomb in a bomb" | "endless":
                        self._odd(fault)
                    case "quota":
                        error = {"message": "out of money", "code": "insufficient_quota"}
                        self._send(429, {"error": error}, {"x-should-retry": "false"})
                    case "echo_key":
                        scheme, key = self.headers["Authorization"].split()
                        given = f"{scheme} {server.between.join(key)}"
                        self._send(400, {"error": {"message": f"header {given} \x1b[2J"}})
                    case "echo_all":
                        given = server.between.join(
                            f"{self.headers['X-Token']} {server.bodies[-1]}"
                        )
                        self._send(400, {"error": {"message": given}})
                    case _:
                        self._send(int(fault), {"error": {"message": f"fault {fault}"}})

            def _odd(self, fault: str) -> None:
                bomb = gzip.compress(b" " * 2**23)
                if fault in (counts := {"none": 0, "few": 1, "many": 5}):
                    choice = {"text": "think", "finish_reason": "stop"}
                    self._send(200, {"choices": [choice] * counts[fault]})
                elif fault == "bomb":
                    self._send_bytes(200, bomb, {"Content-Encoding": "gzip"})
                elif fault == "bomb in a bomb":
                    self._send_bytes(200, gzip.compress(bomb), {"Content-Encoding": "gzip, gzip"})
                else:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    with suppress(OSError):
                        while True:
                            self.wfile.write(b"100000\r\n" + b" " * 2**20 + b"\r\n")

            def _answer(self, body: dict[str, Any]) -> None:
                chat = self.path.endswith("/chat/completions")
                text = server.chat_prompt(body) if chat else body["prompt"]
                if len(text) > CONTEXT:
                    message = f"This model's maximum context length is {CONTEXT} characters"
                    self._send(400, {"error": {"message": message, "param": "input"}})
                elif body["model"] != "m":
                    self._send(404, {"error": {"message": f"no model {body['model']}"}})
                else:
                    self._send(200, server.answer(body, text, chat))

            def _send(
                self, status: int, body: object, headers: dict[str, str] | None = None
            ) -> None:
                self._send_bytes(status, json.dumps(body).encode(), headers)

            def _send_bytes(
                self, status: int, content: bytes, headers: dict[str, str] | None = None
            ) -> None:
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                with suppress(ConnectionError):  # who asked has given up
                    self.end_headers()
                    self.wfile.write(content)

        return Handler

    def chat_prompt(self, body: dict[str, Any]) -> str:
        *_, last = body["messages"]
        if last["role"] == "user":
            return f"{last['content']}\n---\n"
        return f"{body['messages'][-2]['content']}\n---\n{last['content']}"

    def answer(self, body: dict[str, Any], text: str, chat: bool) -> dict[str, Any]:
        if body.get("echo"):
            pieces = PIECE.findall(text)
            scores = [None, *(-float(len(piece)) for piece in pieces[1:])]
            logprobs = {"tokens": pieces, "token_logprobs": scores}
            return {"choices": [{"index": 0, "text": text, "logprobs": logprobs}]}
        user, _, response = text.partition("\n---\n")
        request = Generate(
            Prompt(user, response),
            n=1 if "no_n" in self.dialect else body["n"],
            stop=tuple(body.get("stop", ())),
            max_tokens=body["max_tokens"],
            temperature=body["temperature"],
            seed=body.get("seed", 0),
        )
        samples = [complete(request, i, next_line) for i in range(request.n)]
        choices = [self._choice(i, s, body, chat) for i, s in enumerate(samples)]
        usage = {
            "prompt_tokens": len(PIECE.findall(text)),
            "completion_tokens": sum(len(sample.token_ids) for sample in samples),
            "prompt_tokens_details": {"cached_tokens": 1},
        }
        return {
            "choices": choices[::-1],
            **({} if "no_usage" in self.dialect else {"usage": usage}),
            **({} if self.usage is ... else {"usage": self.usage}),
        }

    def _choice(
        self, index: int, sample: Completion, body: dict[str, Any], chat: bool
    ) -> dict[str, Any]:
        text, stopped = sample.text, sample.finish_reason is FinishReason.STOP
        tokens = PIECE.findall(text)
        tokens += [""] * (len(sample.token_ids) - len(tokens))
        found = next((word for word in body.get("stop", ()) if word in text), None)
        if stopped and not body.get("include_stop_str_in_output"):
            text = text[: text.index(found)]
        cut = sample.finish_reason is FinishReason.LENGTH
        choice: dict[str, Any] = {"index": index, "finish_reason": "length" if cut else "stop"}
        choice.update(
            {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        )
        if "thinks" in self.dialect:
            choice["message"] = {"content": None, "reasoning_content": text}
        if "stop_reason" in self.dialect:
            choice["stop_reason"] = found if stopped else None
        if body.get("return_token_ids"):
            choice["token_ids"] = sample.token_ids
        if body.get("logprobs") and "no_logprobs" not in self.dialect:
            pairs = list(zip(tokens, sample.logprobs, strict=True))
            content = [{"token": token, "logprob": logprob} for token, logprob in pairs]
            plain = {"tokens": tokens, "token_logprobs": sample.logprobs}
            choice["logprobs"] = {"content": content} if chat else plain
        return choice


@pytest.fixture
def server() -> Iterator[FakeServer]:
    server = FakeServer()
    yield server
    server.stop()


@pytest.fixture(scope="class")
def class_server() -> Iterator[FakeServer]:
    server = FakeServer()
    yield server
    server.stop()


Make = Callable[..., Backend]


@pytest.fixture
def make(server: FakeServer) -> Iterator[Make]:
    """`make(**params)` builds a policy on the server; they are closed at the end."""
    policies: list[Backend] = []

    def build(**params: Any) -> Backend:
        whole = {"base_url": server.url, "model": "m", "max_retries": 2, **params}
        if whole.get("api") != "chat":
            whole.setdefault("prompt_template", TEMPLATE)
        policies.append(Registry.discover().build("policy", Binding(name="openai", params=whole)))
        return policies[-1]

    yield build
    for policy in policies:
        policy.close()


@pytest.fixture
def replies() -> Callable[..., list[Any]]:
    """`replies(policy, requests)`: the replies, in order."""

    def collect(policy: Backend, requests: Iterable[Any]) -> list[Any]:
        asked = list(requests)
        for ticket, request in enumerate(asked):
            policy.add(ticket, request)
        found: dict[int, Any] = {}
        while len(found) < len(asked):
            found.update(policy.step())
        assert policy.step() == []
        return [found[ticket] for ticket in range(len(asked))]

    return collect
