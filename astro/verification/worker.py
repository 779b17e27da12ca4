"""A verifier worker, `python -m astro.verification.worker HANDLE`, started by the pool."""

from __future__ import annotations

import errno
import os
import resource
import time
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from astro.interfaces import Verifier, WarmVerifier
from astro.plugins.binding import VerifierBinding
from astro.plugins.registry import Registry
from astro.types import Problem, Status, Verdict
from astro.verification.process import attend

OUT_OF_MEMORY = errno.ENOMEM
"""The exit code of a worker that has none left, and whose heap is not to be trusted any more."""
_REASON_CHARS = 500
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Verdict).decode


def serve(pipe: Connection[Any, Any]) -> None:
    """Build the verifier, say so, then answer each response of each chunk in order.

    The first message is empty, or says why the verifier could not be built. A verdict is a
    message of its own, in msgpack, with the time of the monotonic clock, which all processes share.
    """
    try:
        verifier = _build(pipe.recv())
    except Exception as error:  # the verifier boundary: the pool says it, for all workers at once
        pipe.send_bytes(_encode(_reason(error)))
        return
    pipe.send_bytes(_encode(""))
    while True:
        for problem, response in pipe.recv():
            verdict = guarded(verifier, problem, response)
            pipe.send_bytes(_encode((verdict, time.monotonic())))


def guarded(verifier: Verifier, problem: Problem, response: str) -> Verdict:
    """The verifier's verdict, or an `error` verdict with the reason if it has none to give.

    Ends this process when its memory does not suffice.
    """
    try:
        verdict = verifier.verify(problem, response)
        if not isinstance(verdict, Verdict):
            return Verdict(Status.ERROR, None, f"returned {type(verdict).__name__}, not a verdict")
        return _decode(_encode(verdict))  # whose fields the journal can keep
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except Exception as error:  # the verifier boundary: its faults are data
        return Verdict(Status.ERROR, None, _reason(error))


def _build(binding: VerifierBinding) -> Verifier:
    limit = binding.memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is a verdict, not a file
    verifier: Verifier = Registry.discover().build("verifier", binding)
    if isinstance(verifier, WarmVerifier):
        verifier.warm_up()
    return verifier


def _reason(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"[:_REASON_CHARS]
    return text.encode("utf-8", "replace").decode()


if __name__ == "__main__":
    attend(serve)
