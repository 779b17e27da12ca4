"""A scripted policy whose speed is limited by the CPU. Only the benchmark installs it."""

from __future__ import annotations

from hashlib import blake2b

from astro.builtin.scripted import Line, LineWriter
from astro.plugins.hookspecs import Provider, hookimpl

ROUNDS = 2_000
"""Chosen so that a line takes about a millisecond."""
LENGTH = 6


@hookimpl
def astro_providers() -> list[Provider]:
    return [Provider("policy", "burning", "a script that takes its time", "burning:policy")]


def policy(params: None) -> LineWriter:  # noqa: ARG001
    return LineWriter(next_line)


def next_line(user: str, response: str, draw: int) -> Line | None:
    """Writes one of eight steps, LENGTH times, and then an answer."""
    digest = f"{user}{response}{draw}".encode()
    for _ in range(ROUNDS):
        digest = blake2b(digest, digest_size=16).digest()
    written = response.count("\n")
    if written > LENGTH:
        return None
    return Line(f"answer is {draw % 2}\n" if written == LENGTH else f"step {digest[0] % 8}\n")
