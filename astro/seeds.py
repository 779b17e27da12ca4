"""Random seeds that do not depend on scheduling."""

from __future__ import annotations

from hashlib import blake2b

SEED_BYTES = 4
"""Size of a seed. Every library that takes a seed accepts 32 bits."""


def derive(seed: int, *names: str | int) -> int:
    """A seed in [0, 2**32) that depends only on `seed` and `names`."""
    text = "\0".join(map(str, (seed, *names)))
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=SEED_BYTES).digest()
    return int.from_bytes(digest, "little")
