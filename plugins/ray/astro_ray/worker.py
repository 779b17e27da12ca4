"""A worker: the actor that holds a policy and a pool of verifiers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread

from astro.interfaces import HasCounters
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.registry import Registry
from astro.requests import Verify
from astro.verification.pool import VerifierPool
from astro_ray.serving import Asked, Backend, Inbox, Outbox, Replied, serve

_STOP_SECONDS = 3.0
Said = tuple[list[Replied], Mapping[str, float]]
"""Replies, and what the policy has counted since it was made."""


class Worker:
    """Serves requests in two threads, so that neither the policy nor the verifiers wait for each
    other, or for the way to the driver and back.

    Either is built at the first request for it: linearizing may never need the model.
    """

    def __init__(self, policy: Binding, verifier: VerifierBinding) -> None:
        self._binding = policy
        self._backend: Backend | None = None
        self._outbox: Outbox = SimpleQueue()
        self._policy: Inbox = SimpleQueue()
        self._verifiers: Inbox = SimpleQueue()
        self._threads = [
            Thread(target=serve, args=(make, inbox, self._outbox), daemon=True)
            for make, inbox in (
                (self._build_policy, self._policy),
                (partial(_Verifiers, verifier), self._verifiers),
            )
        ]
        for thread in self._threads:
            thread.start()

    def ready(self) -> Said:
        """No replies, but a sign that the worker is there."""
        return [], {}

    def ask(self, requests: list[Asked]) -> None:
        """Queue requests, each under a ticket that its reply will bear."""
        verify = [asked for asked in requests if isinstance(asked[1], Verify)]
        generate = [asked for asked in requests if not isinstance(asked[1], Verify)]
        for inbox, batch in ((self._verifiers, verify), (self._policy, generate)):
            if batch:
                inbox.put(batch)

    def replies(self) -> Said:
        """All replies that are there; waits for the first. Raises what ended a thread."""
        replies = _checked(self._outbox.get())
        while True:
            try:
                replies += _checked(self._outbox.get_nowait())
            except Empty:
                return replies, self._counters()

    def stop(self) -> None:
        """Free the model and end the verifiers, as soon as what is under way lets them."""
        for inbox in (self._policy, self._verifiers):
            inbox.put(None)
        for thread in self._threads:
            thread.join(_STOP_SECONDS)

    def _build_policy(self) -> Backend:
        self._backend = backend = Registry.discover().build("policy", self._binding)
        return backend

    def _counters(self) -> Mapping[str, float]:
        return self._backend.counters() if isinstance(self._backend, HasCounters) else {}


def _checked(replies: list[Replied] | Exception) -> list[Replied]:
    if isinstance(replies, Exception):
        raise replies
    return replies


class _Verifiers:
    """A pool that waits for a verdict when stepped, as a back end in a thread of its own may."""

    def __init__(self, binding: VerifierBinding) -> None:
        self._pool = VerifierPool(binding)
        self.add = self._pool.add
        self.close = self._pool.close
        self.step = partial(self._pool.step, block=True)
