"""Seeds that do not depend on scheduling."""

from __future__ import annotations

from hashlib import blake2b

SEED_BITS = 63


def derive(seed: int, *names: str | int) -> int:
    """A seed in [0, 2**63) that depends on `seed` and `names` alone."""
    text = "\0".join(map(str, (seed, *names)))
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> (64 - SEED_BITS)
