"""A back end behind queues, without Ray."""

from __future__ import annotations

from queue import SimpleQueue
from typing import Any

from astro.errors import PolicyError
from astro.requests import Failure
from astro_ray.serving import Inbox, Outbox, serve


class Script:
    """Answers the request that came last, and is told to stop when it has answered all.

    It refuses `bad` and dies of `fatal`; while it is at `long`, another request arrives.
    """

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.queue: list[tuple[int, Any]] = []
        self.closed = False

    def add(self, ticket: int, request: Any) -> None:
        if request == "bad":
            raise ValueError("no such thing")
        self.queue.append((ticket, request))

    def step(self, block: bool = False) -> list[tuple[int, Any]]:  # noqa: ARG002
        ticket, request = self.queue.pop()
        if request == "fatal":
            raise PolicyError("the model is gone")
        if request == "long":
            self.queue.append((ticket, "long, done"))
            self.inbox.put([(9, "another")])
            return []
        if not self.queue:
            self.inbox.put(None)
        return [(ticket, request)]

    def close(self) -> None:
        self.closed = True


def served(*requests: Any) -> tuple[Script, list[Any]]:
    """The back end after `requests`, and what it put out."""
    inbox: Inbox = SimpleQueue()
    outbox: Outbox = SimpleQueue()
    backend = Script(inbox)
    inbox.put(list(enumerate(requests)))
    serve(lambda: backend, inbox, outbox)
    return backend, [part for _ in range(outbox.qsize()) if (part := outbox.get()) != []]


def test_it_is_closed_when_told_to_stop() -> None:
    backend, out = served("a", "b")
    assert out == [[(1, "b")], [(0, "a")]]
    assert backend.closed


def test_a_request_joins_what_is_under_way() -> None:
    _, out = served("long")
    assert out == [[(9, "another")], [(0, "long, done")]]


def test_a_fault_on_one_request_is_its_reply() -> None:
    _, out = served("a", "bad")
    assert out == [[(1, Failure("ValueError: no such thing"))], [(0, "a")]]


def test_what_it_dies_of_comes_out_last() -> None:
    backend, out = served("fatal", "a")
    assert out[0] == [(1, "a")]
    assert isinstance(out[1], PolicyError)
    assert not backend.closed


def test_what_hinders_its_making_comes_out() -> None:
    inbox: Inbox = SimpleQueue()
    outbox: Outbox = SimpleQueue()
    inbox.put([])

    def fail() -> Script:
        raise PolicyError("no such model")

    serve(fail, inbox, outbox)
    assert str(outbox.get()) == "no such model"


def test_nothing_is_made_for_nothing() -> None:
    inbox: Inbox = SimpleQueue()
    inbox.put(None)
    serve(lambda: 1 / 0, inbox, SimpleQueue())  # type: ignore[arg-type, return-value]
