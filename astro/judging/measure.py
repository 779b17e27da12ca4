"""Run a verifier on labeled pairs, and time its verdicts."""

from __future__ import annotations

import time
from collections.abc import Sequence

from astro.events import Listener, StageProgress, StageStarted
from astro.judging.pairs import Judgement, Pair, VerifierJudgements
from astro.plugins.binding import VerifierBinding
from astro.requests import Verify
from astro.verification.pool import VerifierPool


def measure(
    pairs: Sequence[Pair], binding: VerifierBinding, listener: Listener
) -> VerifierJudgements:
    """Verify each pair in a pool of processes.

    The time that workers take to start is not counted; the time to replace lost ones is.
    """
    found: dict[int, Judgement] = {}
    with VerifierPool(binding) as pool:
        pool.warm_up()
        listener(StageStarted(binding.name, len(pairs), "pairs"))
        began = time.monotonic()
        for number, pair in enumerate(pairs):
            pool.add(number, Verify(pair.posed(str(number)), pair.response))
        while len(found) < len(pairs):
            for number, verdict, seconds in pool.judge(block=True):
                found[number] = Judgement(pairs[number], verdict, seconds)
            listener(StageProgress(binding.name, len(found), len(pairs)))
        wall = time.monotonic() - began
    return VerifierJudgements(binding.name, [found[number] for number in range(len(pairs))], wall)
