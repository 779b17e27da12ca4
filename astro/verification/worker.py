"""A verifier worker, which the pool starts as `python -m astro.verification.worker HANDLE`."""

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
"""Exit code of a worker that ran out of memory, after which its heap cannot be trusted."""
_REASON_CHARS = 500
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Verdict).decode


def serve(pipe: Connection[Any, Any]) -> None:
    """Build the verifier, report the outcome, then answer each response of each chunk in order.

    The first message is empty, or says why the verifier could not be built. Each verdict is a
    message in msgpack, with the time of the monotonic clock, which all processes share. If memory
    runs out, this process ends with `OUT_OF_MEMORY`.
    """
    try:
        verifier = _build(pipe.recv())
    except Exception as error:  # the plugin boundary: the pool raises one error for all workers
        pipe.send_bytes(_encode(_reason(error)))
        return
    pipe.send_bytes(_encode(""))
    try:
        while True:
            for problem, response in pipe.recv():
                verdict = guarded(verifier, problem, response)
                pipe.send_bytes(_encode((verdict, time.monotonic())))
    except MemoryError:
        os._exit(OUT_OF_MEMORY)


def guarded(verifier: Verifier, problem: Problem, response: str) -> Verdict:
    """The verifier's verdict, or an `error` verdict with the reason if the verifier raises.

    Raises:
        MemoryError: Memory has run out.
    """
    try:
        verdict = verifier.verify(problem, response)
        if not isinstance(verdict, Verdict):
            return Verdict(Status.ERROR, None, f"returned {type(verdict).__name__}, not a verdict")
        return _decode(_encode(verdict))  # fails if a field cannot be journaled
    except MemoryError:
        raise
    except Exception as error:  # the plugin boundary: the exception becomes a verdict
        return Verdict(Status.ERROR, None, _reason(error))


def _build(binding: VerifierBinding) -> Verifier:
    limit = binding.memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash leaves no core file
    verifier: Verifier = Registry.discover().build("verifier", binding)
    if isinstance(verifier, WarmVerifier):
        verifier.warm_up()
    return verifier


def _reason(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"[:_REASON_CHARS]
    return text.encode("utf-8", "replace").decode()


if __name__ == "__main__":
    attend(serve)
