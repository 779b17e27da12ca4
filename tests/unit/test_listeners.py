"""Listeners of plugins: each is called with every event, and none can end a run."""

from __future__ import annotations

from collections.abc import Callable

from astro.events import Event, Notice, StageFinished
from astro.plugins.registry import Registry
from astro.runs.listeners import broadcast

Distribution = Callable[[str, str], None]

LISTENER = """
from astro.plugins.hookspecs import hookimpl
heard = []

def listen(event):
    {body}

@hookimpl
def astro_listeners():
    return [{listener}]
"""


def plugin(body: str = "heard.append(event)", listener: str = "listen") -> str:
    return LISTENER.format(body=body, listener=listener)


def texts(heard: list[Event]) -> list[str]:
    return [event.text for event in heard if isinstance(event, Notice)]


def test_a_listener_hears_every_event_in_order(distribution: Distribution) -> None:
    distribution("guest", plugin())
    caller: list[Event] = []
    both = broadcast(caller.append, Registry.discover())
    events = [Notice("a"), StageFinished("search", 1.0), Notice("b")]
    for event in events:
        both(event)
    import guest  # type: ignore[import-not-found]

    assert guest.heard == caller == events


def test_one_that_raises_is_reported_once_and_dropped(distribution: Distribution) -> None:
    distribution("angry", plugin("heard.append(event); 1 / 0"))
    distribution("calm", plugin())
    caller: list[Event] = []
    both = broadcast(caller.append, Registry.discover())
    for text in ("a", "b"):
        both(Notice(text))
    import angry  # type: ignore[import-not-found]
    import calm  # type: ignore[import-not-found]

    dropped = "a listener of angry 1.0 raised ZeroDivisionError: division by zero; it is dropped"
    assert texts(angry.heard) == ["a"]
    assert texts(caller) == ["a", dropped, "b"]
    assert sorted(texts(calm.heard)) == sorted(["a", dropped, "b"])


def test_a_hook_that_makes_no_listener_is_reported(distribution: Distribution) -> None:
    distribution("mute", plugin(listener="3"))
    caller: list[Event] = []
    broadcast(caller.append, Registry.discover())
    assert texts(caller) == [
        "no listener of mute 1.0: TypeError: expected a listener that can be called, got 3"
    ]


def test_a_run_inside_a_study_adds_no_second_listener(distribution: Distribution) -> None:
    distribution("guest", plugin())
    both = broadcast(lambda _: None, Registry.discover())
    assert broadcast(both, Registry.discover()) is both
