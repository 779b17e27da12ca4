"""The same verdicts, whoever asks the pool: threads, asyncio, forks, spawned processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

import pytest

from astro.plugins.binding import VerifierBinding
from astro.plugins.registry import Registry
from astro.requests import Verify
from astro.types import Problem, Status, Verdict
from astro.verification.pool import VerifierPool

PROBLEM = Problem("p", "what is 6 times 7?", "42")
RESPONSES = (
    "\\boxed{42}",
    "\\boxed{41}",
    "who knows?",
    "\\boxed{",
    "",
    "\\boxed{42}\0\u202e\ud800",
)
INSTALLED = {e.provider.name for e in Registry.discover().entries if e.provider.kind == "verifier"}


def ask(name: str) -> list[Verdict]:
    """A verdict on each response, from a pool of one's own."""
    with VerifierPool(VerifierBinding(name=name, timeout=5.0)) as pool:
        return asked(pool)


def asked(pool: VerifierPool) -> list[Verdict]:
    """A verdict on each response, from a pool that may have others to give."""
    tickets = range(len(RESPONSES))
    for ticket, response in zip(tickets, RESPONSES, strict=True):
        pool.add(ticket, Verify(PROBLEM, response))
    found: dict[int, Verdict] = {}
    while not found.keys() >= set(tickets):
        found.update(pool.step(block=True))
    return [found[ticket] for ticket in tickets]


def in_a_thread(name: str) -> list[Verdict]:
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(ask, name).result(60)


def under_asyncio(name: str) -> list[Verdict]:
    async def both() -> list[Verdict]:
        blocking = ask(name)
        assert await asyncio.to_thread(ask, name) == blocking
        return blocking

    return asyncio.run(both())


def tell(name: str, pipe: Connection[Any, Any]) -> None:
    pipe.send(ask(name))


def in_a_process(name: str, method: str) -> list[Verdict]:
    context = multiprocessing.get_context(method)
    ours, theirs = context.Pipe()
    process = context.Process(target=tell, args=(name, theirs), daemon=True)
    process.start()
    assert ours.poll(60)
    verdicts: list[Verdict] = ours.recv()
    process.join()
    return verdicts


def in_a_fork(name: str) -> list[Verdict]:
    return in_a_process(name, "fork")


def in_a_spawned_process(name: str) -> list[Verdict]:
    return in_a_process(name, "spawn")


@pytest.mark.parametrize(
    "place", [in_a_thread, under_asyncio, in_a_fork, in_a_spawned_process], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("name", ["exact", "sympy"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_verdicts_do_not_depend_on_who_asks(
    name: str, place: Callable[[str], list[Verdict]]
) -> None:
    if name not in INSTALLED:
        pytest.skip(f"no verifier {name} is installed")
    here = ask(name)
    assert [verdict.status for verdict in here[:3]] == [
        Status.CORRECT,
        Status.INCORRECT,
        Status.UNPARSED,
    ]
    assert place(name) == here


def test_a_pool_goes_from_thread_to_thread() -> None:
    found: list[list[Verdict]] = []
    with VerifierPool(VerifierBinding(name="exact", timeout=5.0)) as pool:
        for _ in range(3):
            pool.add(99, Verify(PROBLEM, f"\\boxed{{{len(found)}}}"))
            thread = threading.Thread(target=lambda: found.append(asked(pool)))
            thread.start()
            thread.join(60)
            pool.step(block=True)
    assert found[0] == found[1] == found[2]
    assert not pool.counters().get("restarts")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
def test_a_fork_of_a_pool_in_use_gets_workers_of_its_own() -> None:
    with VerifierPool(VerifierBinding(name="exact", timeout=5.0)) as pool:
        pool.warm_up()
        pool.add(0, Verify(PROBLEM, "\\boxed{7}"))
        pool.step()
        pid = os.fork()
        if pid == 0:
            try:
                sound = asked(pool)[0].correct
                pool.close()
                os._exit(0 if sound else 1)
            except BaseException:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert asked(pool)[0].correct
        assert not pool.counters().get("restarts")
