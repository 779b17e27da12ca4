"""The worker: an actor with the models of a run and a pool of verifiers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread

from astro.interfaces import Backend, HasCounters
from astro.plugins.binding import Binding, VerifierBinding
from astro.plugins.registry import Registry
from astro.requests import VERIFIER
from astro.verification.pool import VerifierPool
from astro_ray.serving import Asked, Inbox, Outbox, Replied, serve

_STOP_SECONDS = 3.0
Usage = Mapping[str, Mapping[str, float]]
"""Counters by role."""
Said = tuple[list[Replied], Usage]
"""Replies, and the counters of the models since they were built."""


class Worker:
    """Serves requests in one thread per role.

    No model thus waits for another one, for the verifiers, or for the round trip to the driver.
    Each backend is built at the first request for its role, since a stage may not need the policy.
    """

    def __init__(self, models: Mapping[str, Binding], verifier: VerifierBinding) -> None:
        """Start the threads; no model is built yet."""
        self._backends: dict[str, Backend] = {}
        self._outbox: Outbox = SimpleQueue()
        makers = {role: partial(self._build, role, binding) for role, binding in models.items()}
        self._inboxes: dict[str, Inbox] = {}
        self._threads = []
        for role, make in {**makers, VERIFIER: partial(VerifierPool, verifier)}.items():
            inbox = self._inboxes[role] = SimpleQueue()
            thread = Thread(target=serve, args=(make, inbox, self._outbox), daemon=True)
            thread.start()
            self._threads.append(thread)

    def ready(self) -> Said:
        """Return no replies, as a signal that the worker has started."""
        return [], {}

    def ask(self, requests: list[Asked]) -> None:
        """Queue requests, each under the ticket of its reply."""
        batches: defaultdict[str, list[Asked]] = defaultdict(list)
        for ticket, request in requests:
            batches[request.model].append((ticket, request))
        for role, batch in batches.items():
            self._inboxes[role].put(batch)

    def replies(self) -> Said:
        """Block until there is a reply, then return all replies.

        Raises:
            Exception: The exception that ended a thread.
        """
        replies = list(_checked(self._outbox.get()))
        while True:
            try:
                replies += _checked(self._outbox.get_nowait())
            except Empty:
                return replies, self._usage()

    def stop(self) -> None:
        """Free the models and stop the verifiers as soon as the work in progress allows."""
        for inbox in self._inboxes.values():
            inbox.put(None)
        for thread in self._threads:
            thread.join(_STOP_SECONDS)

    def _build(self, role: str, binding: Binding) -> Backend:
        backend: Backend = Registry.discover().build_model(binding)
        self._backends[role] = backend
        return backend

    def _usage(self) -> Usage:
        backends = dict(self._backends)  # a thread may add one meanwhile
        return {r: b.counters() for r, b in backends.items() if isinstance(b, HasCounters)}


def _checked(replies: Sequence[Replied] | Exception) -> Sequence[Replied]:
    if isinstance(replies, Exception):
        raise replies
    return replies
