"""A verification worker: `python -m astro.worker HANDLE`, started by the verifier pool."""

from __future__ import annotations

import resource
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from astro.binding import VerifierBinding
from astro.children import attend
from astro.interfaces import Verifier
from astro.registry import Registry
from astro.types import Problem, Status, Verdict

_REASON_CHARS = 500
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Verdict).decode


def serve(pipe: Connection[Any, Any]) -> None:
    """Build the verifier, say so, then answer each response of each chunk in order.

    The first message is empty, or says why the verifier could not be built. A verdict is a
    message of its own, in msgpack.
    """
    try:
        verifier = _build(pipe.recv())
    except Exception as error:  # the verifier boundary: the pool says it, for all workers at once
        pipe.send_bytes(_encode(_reason(error)))
        return
    pipe.send_bytes(_encode(""))
    while True:
        for problem, response in pipe.recv():
            pipe.send_bytes(_encode(guarded(verifier, problem, response)))


def guarded(verifier: Verifier, problem: Problem, response: str) -> Verdict:
    """The verifier's verdict, or an `error` verdict with the reason if it has none to give."""
    try:
        verdict = verifier.verify(problem, response)
        if not isinstance(verdict, Verdict):
            return Verdict(Status.ERROR, None, f"returned {type(verdict).__name__}, not a verdict")
        return _decode(_encode(verdict))  # whose fields the journal can keep
    except MemoryError:
        return Verdict(Status.ERROR, None, "out of memory")
    except Exception as error:  # the verifier boundary: its faults are data
        return Verdict(Status.ERROR, None, _reason(error))


def _build(binding: VerifierBinding) -> Verifier:
    limit = binding.memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    verifier: Verifier = Registry.discover().build("verifier", binding)
    return verifier


def _reason(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"[:_REASON_CHARS]
    return text.encode("utf-8", "replace").decode()


if __name__ == "__main__":
    attend(serve)
