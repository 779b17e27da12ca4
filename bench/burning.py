"""A scripted policy that is bound by the CPU: a plugin that only the benchmark's workers have."""

from __future__ import annotations

from hashlib import blake2b

from astro.builtin.scripted import Line, LineWriter
from astro.plugins.hookspecs import Provider, hookimpl

ROUNDS = 2_000
"""About a millisecond a line."""
LENGTH = 6


@hookimpl
def astro_providers() -> list[Provider]:
    return [Provider("policy", "burning", "a script that takes its time", "burning:policy")]


def policy(params: None) -> LineWriter:  # noqa: ARG001
    return LineWriter(next_line)


def next_line(user: str, response: str, draw: int) -> Line | None:
    """Any of eight steps, LENGTH times, and then an answer."""
    digest = f"{user}{response}{draw}".encode()
    for _ in range(ROUNDS):
        digest = blake2b(digest, digest_size=16).digest()
    written = response.count("\n")
    if written > LENGTH:
        return None
    return Line(f"answer is {draw % 2}\n" if written == LENGTH else f"step {digest[0] % 8}\n")
