"""Passes the events of a run to the caller's listener and to those of plugins."""

from __future__ import annotations

from astro.events import Event, Listener, Notice
from astro.plugins.manager import reason
from astro.plugins.registry import Registry


class Broadcast:
    """Passes every event to the caller's listener, then to the plugins' listeners.

    If a plugin's listener raises, this is reported once to the others, and the listener is not
    called again. An exception of the caller's own listener is propagated.
    """

    def __init__(self, caller: Listener, plugins: list[tuple[str, Listener]]) -> None:
        self._caller = caller
        self._plugins = plugins

    def __call__(self, event: Event) -> None:
        """Pass an event to all listeners."""
        self._caller(event)
        for plugin in list(self._plugins):
            distribution, listener = plugin
            try:
                listener(event)
            except Exception as error:  # the plugin boundary: report the error, do not fail
                self._plugins.remove(plugin)
                self(Notice(f"a listener of {distribution} raised {reason(error)}; it is dropped"))


def broadcast(on_event: Listener, registry: Registry) -> Listener:
    """Return a listener that combines `on_event` with those of plugins, unless it already does."""
    if isinstance(on_event, Broadcast):
        return on_event
    listeners, broken = registry.listeners()
    both = Broadcast(on_event, listeners)
    for plugin in broken:
        both(Notice(f"no listener of {plugin.distribution} {plugin.version}: {plugin.reason}"))
    return both
