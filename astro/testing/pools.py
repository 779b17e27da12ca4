"""Verifier workers that searches under test share: to start them takes longer than a search."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from astro.plugins.binding import VerifierBinding
from astro.verification.pool import VerifierPool


@contextmanager
def shared_pool(verifier: VerifierBinding) -> Iterator[VerifierPool]:
    """The workers of a verifier. They run until this process ends; no verdict is left over."""
    pool = _pool(verifier.model_dump_json())
    try:
        yield pool
    finally:
        while pool.step(block=True):
            pass


@cache
def _pool(verifier: str) -> VerifierPool:
    pool = VerifierPool(VerifierBinding.model_validate_json(verifier))
    atexit.register(pool.close)
    return pool
