"""The same verdicts wherever the verifier runs: no signals, no main thread, no state."""

from __future__ import annotations

import asyncio
import multiprocessing
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from astro.types import Problem, Verdict
from astro_sympy.verifier import SympyVerifier

PROBLEM = Problem("p", "", r"\frac{1}{2}")
RESPONSES = [r"\boxed{0.5}", r"\boxed{\sin 30^\circ}", r"\boxed{9^{9^9}}", r"\boxed{x}", "none"]
VERIFIER = SympyVerifier()


def verdicts() -> list[Verdict]:
    return [VERIFIER.verify(PROBLEM, response) for response in RESPONSES]


def test_in_a_thread() -> None:
    found: list[list[Verdict]] = []
    thread = threading.Thread(target=lambda: found.append(verdicts()))
    thread.start()
    thread.join()
    assert found == [verdicts()]


def test_in_asyncio() -> None:
    async def both() -> tuple[list[Verdict], list[Verdict]]:
        return verdicts(), await asyncio.to_thread(verdicts)

    with ThreadPoolExecutor(1) as pool:  # a browser of other tests may have a loop in this thread
        assert pool.submit(lambda: asyncio.run(both())).result() == (verdicts(), verdicts())


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_in_another_process(method: str) -> None:
    with multiprocessing.get_context(method).Pool(1) as pool:
        jobs = [(PROBLEM, response) for response in RESPONSES]
        assert pool.starmap(VERIFIER.verify, jobs) == verdicts()


def test_the_order_of_a_set_does_not_matter() -> None:
    """Strings hash to other numbers in each interpreter."""
    script = (
        "from astro.types import Problem\nfrom astro_sympy.verifier import SympyVerifier\n"
        f"for text in {RESPONSES!r}:\n"
        f"    print(SympyVerifier().verify({PROBLEM!r}, text))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1] == "".join(f"{verdict}\n" for verdict in verdicts())
